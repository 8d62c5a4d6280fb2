"""Names that other programs have for convboard's keys and values, for the question `Did you mean ...?`."""

_NAMES = {
    "batch_size": "batch bs train_batch_size batch_size_train images_per_batch",
    "data_dir": "data_root datadir root",
    "dataset": "data datasets data_set",
    "dataset.cutout": "random_erasing",
    "dataset.horizontal_flip": "hflip flip",
    "dataset.image_size": "img_size imgsz input_size resize resolution",
    "dataset.num_workers": "workers n_workers",
    "dataset.path": "data_path image_dir image_folder folder",
    "hydra.run.dir": "run_dir output_dir outdir out_dir out output save_dir log_dir logdir",
    "loss": "criterion loss_fn loss_function",
    "model": "arch architecture network net backbone",
    "model._target_": "model_class",
    "model.image_size": "input_shape",
    "model.num_classes": "num_classes n_classes classes",
    "objective": "monitor metric optimized_metric",
    "optimizer": "optim opt",
    "optimizer.lr": "learning_rate base_lr",
    "optimizer.weight_decay": "wd l2",
    "repeat": "rerun config_from like",
    "resume": "ckpt ckpt_path checkpoint checkpoint_path load load_checkpoint restart resume_from "
    "resume_from_checkpoint run",
    "scheduler": "lr_scheduler schedule sched",
    "scheduler.warmup_epochs": "warmup warm_up",
    "seed": "random_seed manual_seed random_state",
    "trainer.accumulate_batches": "accumulate_grad_batches gradient_accumulation_steps accum_iter",
    "trainer.deterministic": "reproducible",
    "trainer.device": "gpu gpus cuda cpu accelerator devices no_cuda use_cuda",
    "trainer.eval_batch_size": "test_batch_size val_batch_size batch_size_test",
    "trainer.gradient_clip": "clip clip_grad clip_grad_norm grad_clip gradient_clip_val max_grad_norm",
    "trainer.max_epochs": "epoch epochs n_epochs nb_epochs num_epochs max_epoch",
    "trainer.patience": "early_stopping",
    "trainer.precision": "amp fp16 bf16 half mixed_precision",
}
KEYS = {name: key for key, names in _NAMES.items() for name in names.split()}
VALUES = {
    "trainer.device": {"gpu": "cuda", "nvidia": "cuda", "cuda:0": "cuda", "metal": "mps", "apple": "mps"},
    "trainer.precision": {
        **dict.fromkeys(("fp16", "float16", "half", "bfloat16", "16", "16-mixed", "bf16-mixed", "amp"), "bf16"),
        **dict.fromkeys(("float32", "32", "full", "32-true"), "fp32"),
    },
    "trainer.plan": {"false": "none", "off": "none", "no": "none", "true": "auto", "on": "auto"},
    "loss.name": {"ce": "cross_entropy", "nll": "cross_entropy", "l2": "mse"},
    "board.level": {"all": "full", "none": "minimal", "off": "minimal", "false": "minimal"},
    "dataset.data_location": {"gpu": "device", "cuda": "device", "memory": "device", "disk": "stream"},
    "dataset.crop_border": {"zero": "black", "zeros": "black", "constant": "black", "mirror": "reflect"},
    "objective": {
        **dict.fromkeys(("accuracy", "acc", "val_acc", "val_accuracy", "val/accuracy"), "accuracy/val"),
        **dict.fromkeys(("loss", "val_loss", "val/loss"), "loss/val"),
    },
}
