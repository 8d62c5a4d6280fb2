"""Categories of torch functions, by how the units of their output depend on those of their input.

The names are those of `FunctionCall.name`: without the underscores of in-place and special functions.
"""


def words(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


# Each unit of the output depends on the unit at the same position of every input tensor.
ELEMENTWISE = words(
    """
    abs absolute acos acosh add addcdiv addcmul alias alpha_dropout and angle arccos arccosh arcsin arcsinh arctan
    arctan2 arctanh asin asinh atan atan2 atanh bernoulli bfloat16 bitwise_and bitwise_not bitwise_or bitwise_xor
    bool bucketize byte ceil celu char clamp clamp_max clamp_min clip clone complex conj contiguous copysign cos
    cosh cpu cuda deg2rad dequantize detach digamma div divide double dropout dropout1d dropout2d dropout3d elu eq
    erf erfc erfinv exp exp2 expm1 fake_quantize_per_tensor_affine feature_alpha_dropout feature_dropout fix float
    float_power floor floor_divide floordiv fmax fmin fmod frac ge gelu greater greater_equal gt half hardshrink
    hardsigmoid hardswish hardtanh heaviside hypot iadd iand idiv ifloordiv imag imod imul int invert ior ipow
    isclose isfinite isinf isnan isub itruediv ixor ldexp le leaky_relu lerp less less_equal lgamma log log10 log1p
    log2 log_sigmoid logaddexp logaddexp2 logical_and logical_not logical_or logical_xor logit logsigmoid long lt
    masked_fill maximum minimum mish mod mul multiply nan_to_num ne neg negative nop not_equal or pin_memory polar
    positive pow prelu quantize_per_tensor radd rand rdiv real reciprocal relu relu6 remainder requires_grad
    resolve_conj resolve_neg rfloordiv rmod rmul ror round rpow rrelu rsqrt rsub rtruediv rxor selu sgn short
    sigmoid sign signbit silu sin sinc sinh softplus softshrink softsign special_entr special_erf special_expit
    special_log1p special_logit special_xlogy sqrt square sub subtract tan tanh tanhshrink threshold to true_divide
    truediv trunc type type_as where xlogy xor
    """
)
# The output has the units of the input at other positions.
MOVING = words(
    """
    atleast_1d atleast_2d atleast_3d broadcast_to channel_shuffle chunk diagonal dsplit expand expand_as flatten
    flip fliplr flipud get getitem hsplit index_select moveaxis movedim narrow native_channel_shuffle permute
    pixel_shuffle pixel_unshuffle ravel repeat repeat_interleave reshape reshape_as reversed roll rot90 select slice
    split split_with_sizes squeeze swapaxes swapdims t take tensor_split tile transpose unbind unflatten unsqueeze
    view view_as view_copy vsplit
    """
)
# Those of them that keep the units in the order of the memory.
RESHAPING = words("view view_copy view_as reshape reshape_as flatten unflatten ravel")
# The outputs have the units of several tensors, given as a list or one after another.
JOINING = words("broadcast_tensors cat column_stack concat concatenate dstack hstack row_stack stack vstack")
# The units along some dimensions are reduced to one.
REDUCING = words(
    """
    all amax amin aminmax any argmax argmin count_nonzero kthvalue linalg_norm linalg_vector_norm logsumexp max mean
    median min mode nanmean nanmedian nanquantile nansum norm prod quantile std std_mean sum var var_mean
    """
)
# Each unit depends on all units along one dimension.
ALONG_DIMENSION = words(
    """
    argsort fft_fft fft_fft2 fft_ifft fft_ifft2 fft_irfft fft_irfft2 fft_rfft fft_rfft2 gumbel_softmax log_softmax
    msort normalize renorm softmax softmin sort topk
    """
)
# Each unit depends on the units up to its own along one dimension.
CUMULATIVE = words("cummax cummin cumprod cumsum logcumsumexp")
