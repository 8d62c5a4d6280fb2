"""Kinds of torch functions, by what becomes of the units that they are given."""

_ELEMENTWISE = """
abs add addcdiv addcmul alias alpha_dropout bfloat16 celu clamp clip clone contiguous copysign cos cpu cuda detach
div divide double dropout dropout1d dropout2d dropout3d elu erf exp expm1 feature_alpha_dropout feature_dropout
float float_power floor fmod gelu half hardshrink hardsigmoid hardswish hardtanh heaviside iadd imul isub leaky_relu
lerp log log10 log1p log2 log_sigmoid logical_not logsigmoid masked_fill maximum minimum mish mul multiply
nan_to_num neg negative nop pow prelu radd rdiv reciprocal relu relu6 remainder requires_grad rmul round rpow rrelu
rsqrt rsub rtruediv selu sigmoid sign silu sin softplus softshrink softsign sqrt square sub subtract tan tanh
tanhshrink threshold to true_divide truediv trunc type type_as where xlogy
"""

# Each unit of the output depends on the unit at its own place, of each tensor that is given.
ELEMENTWISE = frozenset(_ELEMENTWISE.split())

_MOVING = """
broadcast_to channel_shuffle chunk expand expand_as flatten flip fliplr flipud get getitem index_select moveaxis
movedim narrow native_channel_shuffle permute pixel_shuffle pixel_unshuffle ravel repeat repeat_interleave reshape
reshape_as roll rot90 select split split_with_sizes squeeze swapaxes swapdims t tensor_split tile transpose unbind
unflatten unsqueeze view view_as
"""

# The units stay what they are, and change places.
MOVING = frozenset(_MOVING.split())

# The same, of several tensors in a list.
JOINING = frozenset(["cat", "concat", "concatenate", "dstack", "hstack", "stack", "vstack"])

_REDUCING = """
all amax amin any argmax argmin count_nonzero logsumexp max mean median min nanmean nansum norm prod std sum var
"""

# Units along some dimensions become one.
REDUCING = frozenset(_REDUCING.split())

# Each unit depends on all that lie with it along one dimension.
ALONG = frozenset(["cumprod", "cumsum", "log_softmax", "normalize", "softmax", "softmin", "sort"])

_FRESH = """
empty_like full_like new_empty new_full new_ones new_tensor new_zeros ones_like rand_like randint_like randn_like zero
zeros_like
"""

# Nothing of what they are given is left but its size.
FRESH = frozenset(_FRESH.split())
