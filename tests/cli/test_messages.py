"""What bad input gets from the real command: one message on stderr, exit code 2, nothing left behind."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
Refused = Callable[..., str]

ROOT = Path(__file__).parents[2]
MODELS = (
    "batchnorm_cnn, cifar10_quick, cifar10_quick_sequential, conv_demo, conv_mlp, conv_stack, lenet, resnet18, "
    "sequential, whitened_cnn"
)
KEYS = (
    "batch_size, board, data_dir, dataset, experiment, loss, model, objective, optimizer, repeat, resume, "
    "scheduler, seed, trainer"
)
TRAINER_KEYS = (
    "accumulate_batches, channels_last, checkpoint_minutes, compile, cuda_graph, deterministic, device, "
    "eval_batch_size, gradient_clip, limit_test_batches, limit_train_batches, limit_val_batches, max_epochs, patience, "
    "plan, precision, rank_timeout, threads"
)
SGD_KEYS = "dampening, differentiable, foreach, fused, lr, maximize, momentum, nesterov, weight_decay"


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        # An option or a key that is not known: the nearest one first, wherever it stands.
        ("model=lenett", f"model='lenett' is not known. Did you mean 'lenet'? Allowed: {MODELS}."),
        (
            "scheduler=cosin",
            "scheduler='cosin' is not known. Did you mean 'cosine'? Allowed: cosine, none, one_cycle, step.",
        ),
        (
            "dataset=mnst",
            "dataset='mnst' is not known. Did you mean 'mnist'? Allowed: cifar10, digits, fashion_mnist, image_folder, "
            "mnist.",
        ),
        ("--model=lenet", "'--model=lenet' is not understood: write model=lenet, without dashes."),
        ("-seed", "'-seed' is not understood: write seed=<value>, without dashes."),
        ("modle=lenet", f"modle is not a known key. Did you mean 'model'? Allowed: {KEYS}."),
        ("lr=0.1", f"lr is not a known key. Did you mean 'optimizer.lr'? Allowed: {KEYS}."),
        ("+epochs=3", f"epochs is not a known key. Did you mean 'trainer.max_epochs'? Allowed: {KEYS}."),
        (
            "trainer.max_epoch=3",
            "trainer.max_epoch is not a known key. Did you mean 'trainer.max_epochs'? Allowed in trainer: "
            f"{TRAINER_KEYS}.",
        ),
        (
            "+trainer.epochs=3",
            f"trainer.epochs is not a known key. Did you mean 'trainer.max_epochs'? Allowed in trainer: "
            f"{TRAINER_KEYS}.",
        ),
        ("+foo/bar=3", f"foo/bar is not a known key. Allowed: {KEYS}."),
        # A wrong type.
        ("batch_size=many", "batch_size='many': must be a whole number."),
        ("batch_size=1.5", "batch_size=1.5: must be a whole number."),
        ("batch_size=null", "batch_size=null: must be a whole number."),
        ("batch_size.train=3", "batch_size holds no further keys: it is a whole number."),
        ("trainer.gradient_clip=hard", "trainer.gradient_clip='hard': must be a number, or null."),
        ("trainer.channels_last=perhaps", "trainer.channels_last='perhaps': must be true or false, or null."),
        ("trainer.threads=few", "trainer.threads='few': must be a whole number, or null."),
        ("optimizer.lr=fast", "optimizer.lr='fast': must be a number, such as 0.01."),
        # A value that cannot be.
        ("optimizer.lr=-0.1", "optimizer.lr=-0.1: must be a finite number, 0 or above."),
        ("optimizer.lr=nan", "optimizer.lr=nan: must be a finite number, 0 or above."),
        ("batch_size=0", "batch_size=0: must be at least 1."),
        ("trainer.max_epochs=0", "trainer.max_epochs=0: must be at least 1."),
        (
            "trainer.cuda_graph=true",
            "trainer.cuda_graph=true: only an NVIDIA GPU can replay a recorded step, and this run is on cpu. Omit it, "
            "or choose trainer.device=cuda on a machine that has one.",
        ),
        (
            "dataset.val_size=1547",
            "dataset.val_size=1547 is not allowed: it must be from 1 to 1546, so that some of the 1547 training images "
            "are left to train on.",
        ),
        ("scheduler.rise=3", "scheduler.rise=3: must be between 0 and 1."),
        ("scheduler.warmup_epochs=1e308", "scheduler.warmup_epochs=1e+308: must be between 0 and 2.14748e+09."),
        (
            "optimizer.betas=(0.9,0.99)",
            "'optimizer.betas=(0.9,0.99)' is not understood: write a list as optimizer.betas=[0.9,0.99].",
        ),
        ("optimizer.lr=0.1!", "optimizer.lr='0.1!': must be a number, such as 0.01."),
        ("seed=" + "1" * 5000, "seed: the number has too many digits."),
        ("hydra.run.dir=", "hydra.run.dir=: give a folder."),
        ("ckpt_path=a", f"ckpt_path is not a known key. Did you mean 'resume'? Allowed: {KEYS}."),
        ("resume=" + "a" * 300, f"{'a' * 300} cannot be read: File name too long."),
        ("resume=nope", "nope is not there: a run directory has a config.yaml in it, such as those below outputs/."),
        # What is no key=value, or no option.
        (
            "trainer.max_epochs",
            "'trainer.max_epochs' is not understood: write key=value, such as trainer.max_epochs=3.",
        ),
        ("=3", "'=3' is not understood: write key=value, such as trainer.max_epochs=3."),
        (
            "objective=[a",
            "'objective=[a' is not understood: its value is neither a number nor a text, [list] or {key: value}. "
            "Put a text with special characters into quotes of both kinds: 'objective=\"...\"'.",
        ),
        ("experiment=null", "experiment=null: choose one of conf/experiment by its name, as in experiment=<name>."),
        (
            "trainer.max_epochs=${foo}",
            "trainer.max_epochs: Interpolation key 'foo' not found. ${name} takes the value of another key, "
            "${trainer.device} say.",
        ),
        ("dataset.cutout=32", "dataset.cutout=32: must be smaller than the images, which are 32x32."),
        ("model=3", "model=3: choose one of conf/model by its name, as in model=<name>."),
        ("+model=resnet18", "model is chosen already. To choose another leave out the +."),
        (
            "model=lenet,conv_mlp",
            "model=lenet,conv_mlp gives several values. To run each of them add -m; to give a list write "
            "model=[lenet,conv_mlp]; to give a text with a comma in it write 'model=\"lenet,conv_mlp\"'.",
        ),
        (
            "model=[lenet,conv_mlp]",
            "model: choose one of conf/model, as in model=<name>. To run each of several: -m model=<name>,<name>.",
        ),
        # A _target_ that is not to be had, and its arguments.
        ("model._target_=null", "model._target_ is not set: choose one of conf/model, as in model=<name>."),
        (
            "optimizer._target_=torch.optim.SDG",
            "optimizer._target_='torch.optim.SDG' does not exist. Did you mean 'SGD'? Allowed: ASGD, Adadelta, "
            "Adafactor, Adagrad, Adam, AdamW, Adamax, LBFGS, Muon, NAdam, Optimizer, RAdam, RMSprop, Rprop, SGD, "
            "SparseAdam.",
        ),
        ("optimizer._target_=SGD", "optimizer._target_='SGD' needs the module too, as in torch.optim.SGD."),
        (
            "optimizer._target_=torch.optim.LBFGS",
            "optimizer._target_='torch.optim.LBFGS' computes the loss several times for each step, which the "
            "training loop does not support. Choose another, as in optimizer=adamw.",
        ),
        (
            "optimizer.momentumm=0.3",
            f"optimizer.momentumm is not an argument of torch.optim.SGD. Did you mean 'momentum'? Allowed: {SGD_KEYS}.",
        ),
        (
            "optimizer.momentum=0",
            "optimizer: torch.optim.SGD with lr=0.02, momentum=0, nesterov=True, weight_decay=0.0005 refuses its "
            "arguments: Nesterov momentum requires a momentum and zero dampening",
        ),
        (
            "scheduler._target_=torch.optim.lr_scheduler.StepLR",
            "scheduler._target_='torch.optim.lr_scheduler.StepLR' keeps a state of its own; here a schedule is a "
            "function of the step, so that a run can be resumed at any step. Choose one of conf/scheduler, as in "
            "scheduler=cosine.",
        ),
        (
            "model.width=3",
            "model.width is not an argument of convboard.models.LeNet. Allowed: image_size, in_channels, num_classes.",
        ),
        (
            "model._target_=os.system",
            "model._target_='os.system' cannot be used: Target 'os.system' is blocklisted because it allows config "
            "data to control executable behavior or belongs to an execution-capable target family. It cannot be "
            "authorized with HYDRA_INSTANTIATE_ALLOWLIST_OVERRIDE.",
        ),
        (
            "scheduler._target_=torch.nn.ReLU",
            "scheduler._target_='torch.nn.ReLU' is not a schedule: it cannot be called with a step, the total number "
            "of steps and the number of steps in an epoch (ReLU.forward() takes 2 positional arguments but 4 were "
            "given). Choose one of conf/scheduler, as in scheduler=cosine.",
        ),
    ],
)
def test_a_mistake_in_the_config(argument: str, message: str, refused: Refused) -> None:
    assert refused(argument) == message


def test_a_network_and_images_that_do_not_fit(refused: Refused) -> None:
    assert (
        refused("model=lenet", "model.in_channels=3")
        == """\
LeNet does not fit images of 1x32x32 in 10 classes.

layer  type    output  size of the output
─────  ──────  ──────  ──────────────────
conv1  Conv2d  failed  <- gets 1 channel, wanted: 3 channels

Conv2d conv1 wants 3 channels but gets 1: the images have 1 channel (grey).

What to do:
  - build it with LeNet(in_channels=1) (in a config: model.in_channels=1, or
    left out)"""
    )


def test_images_too_small_for_the_network(refused: Refused) -> None:
    assert (
        refused("model=lenet", "dataset.image_size=8")
        == """\
LeNet does not fit images of 1x8x8.

layer  type       output  size of the output
─────  ─────────  ──────  ──────────────────
conv1  Conv2d     6x4x4   ⌊(8 + 2·0 − 1·(5−1) − 1)/1⌋ + 1 = 4
relu1  ReLU       6x4x4
pool1  MaxPool2d  6x2x2   ⌊(4 + 2·0 − 1·(2−1) − 1)/2⌋ + 1 = 2
conv2  Conv2d     failed  <- gets 2x2, wanted: 5x5 or more

Conv2d conv2 has a window of 5x5 but gets only 2x2: the input is 8x8, and conv1
(5x5, no padding) leaves 4x4, pool1 2x2. Images of 8x8 are too small for this
network.

What to do, one of these:
  - give it images of 16x16 or more (in a config: dataset.image_size=16)
  - take a smaller window, or leave out a pooling or a stride before it"""
    )


MYNET = """
import torch.nn.functional as F
from torch import nn

class MyNet(nn.Module):
    def __init__(self, in_channels=1, num_classes=10, flat=16 * 5 * 5):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc = nn.Linear(flat, num_classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))

class Grouped(MyNet):
    def __init__(self):
        super().__init__()
        self.conv2 = nn.Conv2d(6, 16, 5, groups=3)
"""


def test_the_linear_behind_the_convolutions(refused: Refused, run_command: RunCommand, tmp_path: Path) -> None:
    (tmp_path / "mynet.py").write_text(MYNET)
    told = " ".join(refused("model._target_=mynet.MyNet").split())
    assert "Linear fc wants 16·5·5 = 400 features but gets 16·4·4 = 256: the input is 28x28, and conv1 (5x5, no" in told
    cures = told.partition("What to do, one of these: - ")[2].split(" - ")
    assert cures == [
        "build it with MyNet(flat=256) (in a config: model.flat=256)",
        "write nn.Linear(256, 10) for fc, or nn.LazyLinear(10), which finds the number itself",
        "set padding=2 in conv1",
        "give it images of 32x32 (in a config: dataset.image_size=32)",
    ]
    quick = ["trainer.max_epochs=1", "trainer.limit_train_batches=1", "board=minimal"]
    for cure in ("model.flat=256", "dataset.image_size=32"):
        run_command("train.py", "model._target_=mynet.MyNet", cure, *quick)


def test_groups_that_do_not_divide_the_channels(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "mynet.py").write_text(MYNET)
    assert refused("model._target_=mynet.Grouped") == (
        "Grouped: mynet.py, line 20, self.conv2 = nn.Conv2d(6, 16, 5, groups=3), builds Conv2d(6, 16, ..., groups=3): "
        "groups=3 does not divide its 16 output channels. Take one of 1, 2."
    )


def test_an_optimizer_that_cannot_take_a_step(refused: Refused) -> None:
    assert refused("optimizer.lr=1e300", "optimizer.fused=false") == (
        "optimizer: torch.optim.SGD with lr=1e+300, momentum=0.9, nesterov=True, weight_decay=0.0005, fused=False "
        "cannot take a step: value cannot be converted to type float without overflow. Change its arguments, or choose "
        "another, as in optimizer=adamw."
    )


def test_a_device_that_is_not_there(refused: Refused) -> None:
    import torch

    assert refused("trainer.device=cuda", environment={"CUDA_VISIBLE_DEVICES": ""}) == (
        f"trainer.device=cuda: torch {torch.__version__} finds no cuda device on this machine. Available here: cpu. "
        "Use trainer.device=auto to take the best one there is."
    )


def test_a_module_that_is_not_there_or_cannot_be_imported(refused: Refused, tmp_path: Path) -> None:
    assert refused("model._target_=mynet.MyNet") == (
        "model._target_='mynet.MyNet': there is no module 'mynet', neither among the installed packages nor in "
        f"{tmp_path}."
    )
    (tmp_path / "mynet.py").write_text("import not_installed\n")
    message = "model._target_='mynet.MyNet': mynet cannot be imported: No module named 'not_installed'."
    assert refused("model._target_=mynet.MyNet") == message


def test_a_mistake_is_told_before_torch_is_imported(tmp_path: Path) -> None:
    """Which takes seconds."""
    code = (
        "import atexit, runpy, sys; atexit.register(lambda: print('torch' in sys.modules));"
        f"sys.argv = ['train.py', 'batch_size=0']; runpy.run_path({str(ROOT / 'train.py')!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("False\n", "convboard: batch_size=0: must be at least 1.\n")


def test_a_module_that_ends_the_program(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "mynet.py").write_text("import sys\nsys.exit(3)\n")
    assert refused("model._target_=mynet.MyNet") == (
        "model._target_='mynet.MyNet': mynet cannot be imported: it ends the program with sys.exit(3)."
    )


def test_a_last_batch_of_one_image(refused: Refused) -> None:
    layers = "model.layers=[flatten,{linear:{out_features:8}},batch_norm,relu,linear]"
    assert refused("model=sequential", layers, "batch_size=16") == (
        "BatchNorm1d bn1 normalises over a batch, and needs more than one value of each channel for that, but a batch "
        "holds a single image: 1297 images in batches of 16 leave one for the last batch of an epoch. Set "
        "batch_size=17, with which no batch is that small."
    )


def test_several_mistakes_are_told_one_at_a_time(refused: Refused) -> None:
    assert refused("batch_size=0", "optimizer.lr=-1") == "batch_size=0: must be at least 1."


def test_the_whole_traceback_is_to_be_had(run_command: RunCommand) -> None:
    done = run_command("train.py", "batch_size=0", environment={"HYDRA_FULL_ERROR": "1"}, expected_code=2)
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert done.stderr.endswith("\nconvboard.errors.ConfigError: batch_size=0: must be at least 1.\n")


def test_a_bug_stays_a_traceback(run_command: RunCommand, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Falls:\n    def __call__(self, *steps):\n        return 1 / 0\n")
    done = run_command("train.py", "scheduler._target_=mine.Falls", expected_code=1)
    assert done.stderr.splitlines() == [
        "Traceback (most recent call last):",
        f'  File "{tmp_path}/mine.py", line 3, in __call__',
        "    return 1 / 0",
        "           ~~^~~",
        "ZeroDivisionError: division by zero",
    ]
    assert not (tmp_path / "outputs").exists()


def test_a_file_of_the_users_that_is_no_yaml(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "mine/model").mkdir(parents=True)
    broken = tmp_path / "mine/model/broken.yaml"
    broken.write_text("_target_: {convboard\nlayers: []\n")
    assert refused("--config-dir=mine", "model=broken") == (
        f"{broken}, line 1, column 11: this is not YAML: the bracket opened here is not closed, or lacks a comma."
    )
