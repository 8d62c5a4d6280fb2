"""The classification networks of torchvision and timm: their layer tables, and what these cost.

`python tests/published_networks.py torchvision` prints a line for each network, and `python tests/published_networks.py
timm 'resnet*' vit_tiny_patch16_224` for those of timm that match. Each network is in a process of its own, whose memory
is measured.
"""

import fnmatch
import multiprocessing
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from convboard.anatomy.function_names import words
from convboard.anatomy.layer_rows import LayerRow
from convboard.anatomy.summary import summarise

# One of every family of timm's that takes a picture of any size up to 300 pixels and fits into memory.
TIMM = sorted(
    words(
        """
        bat_resnext26ts beit_base_patch16_224 botnet26t_256 caformer_s18 cait_xxs24_224 coat_tiny coatnet_0_rw_224
        convformer_s18 convit_tiny convmixer_768_32 convnext_tiny convnextv2_nano crossvit_tiny_240 cspresnet50
        davit_tiny deit3_small_patch16_224 densenet121 dla34 dm_nfnet_f0 dpn68 eca_resnet33ts edgenext_small
        efficientformer_l1 efficientformerv2_s0 efficientnet_b0 efficientvit_b0 efficientvit_m0
        eva02_tiny_patch14_224 fastvit_t8 focalnet_tiny_srf gcresnext26ts gcvit_xxtiny gernet_s ghostnet_100
        halonet26t hgnet_tiny hieradet_small hrnet_w18_small inception_next_tiny inception_resnet_v2 inception_v4
        lambda_resnet26t lcnet_050 legacy_senet154 levit_128s maxvit_tiny_rw_224 mixer_s16_224 mixnet_s
        mobilenetv4_conv_small mobileone_s0 mobilevit_xxs mobilevitv2_050 mvitv2_tiny nasnetalarge nest_tiny
        nextvit_small nf_regnet_b0 pit_ti_224 pnasnet5large poolformer_s12 pvt_v2_b0 rdnet_tiny regnetx_002
        regnety_002 repghostnet_050 repvgg_a0 repvit_m0_9 res2net50_26w_4s resmlp_12_224 resnest14d resnet18
        resnetaa50 resnetblur50 resnetv2_50 rexnet_100 sebotnet33ts_256 sehalonet33ts selecsls42 sequencer2d_s
        seresnet50 shvit_s1 skresnet18 starnet_s1 swin_tiny_patch4_window7_224 swinv2_tiny_window8_256
        tf_efficientnetv2_b0 tiny_vit_5m_224 tinynet_e tnt_s_patch16_224 tresnet_m twins_pcpvt_small vgg11
        visformer_tiny vit_base_r26_s32_224 vit_tiny_patch16_224 volo_d1_224 vovnet39a xception41 xception65
        xcit_nano_12_p16_224
        """
    )
)


_SHORT = 1.0  # seconds of a table that is measured three times


class _WithoutRandomWeights(TorchFunctionMode):
    """Leaves out the random numbers of new weights, which take longer than anything else here."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name in {"normal_", "uniform_", "erfinv_", "trunc_normal_"}:
            tensor: Tensor = args[0] if args else (kwargs or {})["tensor"]
            # Zeros are inside of any bounds: trunc_normal_ draws again, perhaps without end, for what is outside.
            return tensor.detach().zero_() if name in {"normal_", "uniform_"} else tensor
        return func(*args, **(kwargs or {}))


def names_of(family: str) -> list[str]:
    """The names of all classification networks of `torchvision`, or those in `TIMM` that the installed `timm` has."""
    if family == "torchvision":
        from torchvision import models

        return list(models.list_models(module=models))
    timm: Any = import_module("timm")  # not installed for most tests
    known = set(timm.list_models())
    return [name for name in TIMM if name in known]


def build(family: str, name: str) -> tuple[nn.Module, tuple[int, int, int]]:
    """A network with constant weights, and the shape of its images."""
    with _WithoutRandomWeights():
        if family == "torchvision":
            from torchvision import models

            side = 299 if name == "inception_v3" else 224
            model, shape = models.get_model(name, weights=None), (3, side, side)
        else:
            timm: Any = import_module("timm")
            model = timm.create_model(name, pretrained=False)
            shape = timm.data.resolve_data_config({}, model=model)["input_size"]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1 / (1 + parameter[0].numel() if parameter.ndim else 1))
    return model.eval(), shape


@dataclass
class Report:
    """What the layer table of one network is like.

    Attributes:
        family: `torchvision` or `timm`.
        name: Its name there.
        error: The exception that the table raised, with the line of convboard's; empty if there was none.
        rows: Number of rows.
        not_called: Rows of layers that are said not to have run.
        lost: Parameters of the network without those of the rows.
        odd: Rows whose shape cannot be right.
        macs: Multiply-accumulates of the rows, and those that torch counts.
        forward_s: Seconds of CPU of a forward of two images, without gradients.
        table_s: Seconds of CPU of its table.
        extra_mib: Memory that the table took at its largest, without the network's.
    """

    family: str
    name: str
    error: str = ""
    rows: int = 0
    not_called: list[str] = field(default_factory=list)
    lost: int = 0
    odd: list[str] = field(default_factory=list)
    macs: tuple[int, int] = (0, 0)
    forward_s: float = 0.0
    table_s: float = 0.0
    extra_mib: float = 0.0

    @property
    def is_wrong(self) -> bool:
        """Whether something is wrong in the table, whatever it costs."""
        return bool(self.error or self.not_called or self.odd or self.lost or self.macs[0] != self.macs[1])

    def __str__(self) -> str:
        """One line, and what is wrong in further ones."""
        ratio = self.table_s / self.forward_s if self.forward_s else 0
        line = (
            f"{self.name:<32} {self.rows:5} rows  forward {self.forward_s:7.3f} s  table {self.table_s:7.3f} s"
            f"  {ratio:5.1f} x  {self.extra_mib:6.0f} MiB"
        )
        wrong = [self.error, f"not called: {', '.join(self.not_called)}" if self.not_called else ""]
        wrong += [f"parameters lost: {self.lost}" if self.lost else "", "; ".join(self.odd)]
        wrong += [f"{self.macs[0]:,} MACs, torch counts {self.macs[1]:,}" if self.macs[0] != self.macs[1] else ""]
        return "\n    ".join([line, *filter(None, wrong)])


def measure(family: str, name: str) -> Report:
    """Measure the layer table of one network in a process of its own."""
    _import_counter()
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_measure_and_send, args=(family, name, sender))
    process.start()
    sender.close()
    try:
        report: Report = receiver.recv()
    except EOFError:
        report = Report(family, name, error="the process was killed")
    process.join()
    return report


@cache
def _import_counter() -> None:
    """Have torch's counter import the compiler here, once, rather than in each process."""
    with FlopCounterMode(display=False):
        torch.zeros(1).add(1)


def _measure_and_send(family: str, name: str, sender: Any) -> None:
    torch.set_num_threads(1)
    report = Report(family, name)
    try:
        _measure(report)
    except Exception as error:
        import traceback

        ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "convboard" in frame.filename]
        at = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
        report.error = f"{type(error).__name__}: {str(error)[:300]}{at}"
    sender.send(report)


def _measure(report: Report) -> None:
    model, shape = build(report.family, report.name)
    images = torch.zeros(2, *shape)
    report.forward_s = min(_seconds(lambda: _forward(model, images)) for _ in range(3))
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before = _memory("VmRSS")
    started = time.process_time()
    summary = summarise(model, shape)
    report.table_s = time.process_time() - started
    report.extra_mib = _memory("VmHWM") - before
    if report.table_s < _SHORT:  # a collection of garbage, or another process, is a large part of it
        report.table_s = min(report.table_s, *(_seconds(lambda: summarise(model, shape)) for _ in range(2)))
    report.rows = len(summary.rows)
    ran = {name for name, module in model.named_modules()} - _modules_that_did_not_run(model, images)
    report.not_called = [
        row.name
        for row in summary.rows
        if row.name.endswith(" (not called)") and row.name.removesuffix(" (not called)") in ran
    ]
    report.lost = sum(p.numel() for p in model.parameters()) - sum(row.parameters for row in summary.rows)
    odd = [row for row in summary.rows if _keeps_the_batch(row)]
    report.odd = [f"{row.name} {row.type} {row.input_shape} -> {row.output_shape}" for row in odd][:5]
    counted = [row.macs for row in summary.rows if row.type not in {"LSTM", "GRU", "RNN"}]  # torch does not count these
    report.macs = sum(counted), _counted_by_torch(model, shape)


def _keeps_the_batch(row: LayerRow) -> bool:
    """Whether a row that is not of the images has the batch of two in its shape."""
    return row.receptive_field is None and 2 in (*row.input_shape[:1], *row.output_shape[:1])


def _counted_by_torch(model: nn.Module, shape: Sequence[int]) -> int:
    model.requires_grad_(False)  # torch counts by hooks on gradients too, which fail in some networks
    torch.backends.mha.set_fastpath_enabled(False)  # an operation that torch does not count
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, *shape))
    return int(counter.get_total_flops()) // 2


def _forward(model: nn.Module, images: Tensor) -> None:
    with torch.no_grad():
        model(images)


def _modules_that_did_not_run(model: nn.Module, images: Tensor) -> set[str]:
    names = {module: name for name, module in model.named_modules()}
    handles = [
        module.register_forward_hook(lambda module, _args, _result: names.pop(module, None) and None)
        for module in list(names)
    ]
    _forward(model, images)
    for handle in handles:
        handle.remove()
    return set(names.values())


def _seconds(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


def _memory(what: str) -> float:
    """MiB of this process, VmRSS now or VmHWM at the largest."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def main() -> None:
    """Print the reports."""
    family, *patterns = sys.argv[1:]
    torch.set_num_threads(1)
    names = names_of(family)
    names += [pattern for pattern in patterns if pattern.isidentifier() and pattern not in names]
    for name in names:
        if not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            print(measure(family, name), flush=True)


if __name__ == "__main__":
    main()
