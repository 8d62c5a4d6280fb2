"""Kinds of torch functions, by what becomes of the units that they are given."""

# Each unit of the output depends on the unit at its own place, of each tensor that is given.
ELEMENTWISE = frozenset(
    """
    abs add addcdiv addcmul alpha_dropout celu clamp clip copysign cos div divide dropout dropout1d dropout2d dropout3d
    elu erf exp expm1 feature_alpha_dropout feature_dropout float_power floor fmod gelu hardshrink hardsigmoid
    hardswish hardtanh heaviside iadd imul isub leaky_relu lerp log log10 log1p log2 logical_not logsigmoid
    log_sigmoid masked_fill maximum minimum mish mul multiply nan_to_num neg negative pow prelu radd rdiv reciprocal
    relu relu6 remainder rmul round rpow rrelu rsqrt rsub rtruediv selu sigmoid sign silu sin softplus softshrink
    softsign sqrt square sub subtract tan tanh tanhshrink threshold true_divide truediv trunc where xlogy type_as
    requires_grad alias clone contiguous cpu cuda detach double float half to type bfloat16 nop
    """.split()
)

# The units stay what they are, and change places.
MOVING = frozenset(
    """
    broadcast_to channel_shuffle chunk expand expand_as flatten flip fliplr flipud get getitem index_select movedim
    moveaxis narrow permute pixel_shuffle pixel_unshuffle native_channel_shuffle ravel repeat repeat_interleave reshape
    reshape_as roll rot90 select split split_with_sizes squeeze swapaxes swapdims t tensor_split tile transpose unbind
    unflatten unsqueeze view view_as
    """.split()
)

# The same, of several tensors in a list.
JOINING = frozenset(["cat", "concat", "concatenate", "dstack", "hstack", "stack", "vstack"])

# Units along some dimensions become one.
REDUCING = frozenset(
    """
    all amax amin any argmax argmin count_nonzero logsumexp max mean median min nanmean nansum norm prod std sum var
    """.split()
)

# Each unit depends on all that lie with it along one dimension.
ALONG = frozenset(["cumprod", "cumsum", "log_softmax", "normalize", "softmax", "softmin", "sort"])
