"""Lightning's command line as Steppe wants it: run folders, resume, loggers and guards without a line in the config."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import torch
from jsonargparse import ArgumentError
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.plugins import CheckpointIO
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import SIGTERMException

from landcover.errors import ConfigError, DiskFull
from training.checkpoints import BEST, LAST, NO_SPACE, LastCheckpoint, WholeCheckpointIO, read_checkpoint
from training.cli import FOREIGN_WARNINGS
from training.config import read_yaml
from training.config_errors import refused
from training.guards import EpochSeed, FiniteGuard
from training.inference import CheckpointUnreadable, load_task, torch_predictor
from training.loggers import default_loggers
from training.maps import write_maps
from training.resume import Plan, plan_fit, plan_from, run_record
from training.run_folder import data_fingerprints, find_runs, locked
from training.run_keeper import RunKeeper
from training.task import LandCoverTask

SEEDS: Final = 2**32
"""Seeds that numpy takes."""

MONITOR: Final = "val/mean_iou"

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells use it: 128 + SIGINT."""

TERMINATED: Final = 143
"""Exit code after SIGTERM: 128 + 15."""

RESUME_HELP: Final = (
    "auto: go on with the unfinished run of trainer.default_root_dir, else start one; none: start one beside what is "
    "there; last, best: go on from that checkpoint of the newest run."
)


class AlreadyFinished(Exception):
    """The run is finished."""


class SteppeCLI(LightningCLI):
    """``fit``, ``validate``, ``test`` and ``predict`` with model and data by ``class_path``.

    Args:
        arguments: The command line after ``steppe train``.
        held: Keeps the lock of the run folder until the command is over.
    """

    def __init__(self, arguments: list[str], *, held: ExitStack) -> None:
        self._held = held
        self._plan: Plan | None = None
        super().__init__(
            LightningModule,
            LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            args=arguments,
            save_config_kwargs={"overwrite": True},
            seed_everything_default=0,
            auto_configure_optimizers=False,
            parser_kwargs={"exit_on_error": False, **{name: _described(name) for name in DESCRIPTIONS}},
        )

    @property
    def _settings(self) -> Any:
        return self.config[self.subcommand]

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        if subcommand == "fit":
            parser.add_argument(
                "--resume", type=Literal["auto", "none", "last", "best"], default="auto", help=RESUME_HELP
            )
        if subcommand == "predict":
            parser.add_argument(
                "--split", type=Literal["train", "val", "test"], default="test", help="whose scenes are mapped"
            )
            parser.add_argument(
                "--maps", type=str | None, default=None, help="folder of the maps; by default `maps` beside the run"
            )
        return parser

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """One seed for everything: weights, patches and augmentation."""
        parser.link_arguments("seed_everything", "data.init_args.seed", compute_fn=int)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Read the command line and the configuration.

        Raises:
            ConfigError: The configuration is missing, no YAML, or has a field or value that does not exist.
            WrongUse: The command line has an option that does not exist, or lacks one.
        """
        for path in _config_files(args):
            read_yaml(path)
        try:
            super().parse_arguments(parser, args)
        except ArgumentError as error:
            raise refused(error) from error

    def _set_seed(self) -> None:
        seed = self._settings.seed_everything
        if isinstance(seed, int) and not 0 <= seed < SEEDS:
            raise ConfigError(f"seed_everything is {seed}; a whole number from 0 to {SEEDS - 1} is expected")
        super()._set_seed()

    def _parse_ckpt_path(self) -> None:
        """The configuration says what the model is; a checkpoint that disagrees is refused later."""

    def before_instantiate_classes(self) -> None:
        """Name the run folder after the configuration where it names none."""
        settings = self._settings
        if settings.trainer.default_root_dir is None:
            files = settings.get("config") or ()
            stem = Path(str(files[-1])).stem if files else "steppe"
            settings.trainer.default_root_dir = str(Path("runs") / stem)
        if self.subcommand != "fit":
            self.save_config_callback = None

    def instantiate_classes(self) -> None:
        """Build data, model and trainer.

        Raises:
            ConfigError: A value is refused by what it is for, or a package is missing.
        """
        try:
            super().instantiate_classes()
        except ModuleNotFoundError as error:
            raise ConfigError(f"the configuration needs a package that is not installed: {error}") from error
        except (MisconfigurationException, ArgumentError, ValueError, TypeError) as error:
            raise refused(error) from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The trainer of the configuration, and what every run has without asking."""
        config = self._get(self.config_init, "trainer")
        if self.subcommand != "fit":
            kwargs.setdefault("logger", config.logger or False)
        elif not config.fast_dev_run:
            self._plan = self._start(Path(config.default_root_dir))
            kwargs |= self._run_options(config, self._plan)
        trainer = super().instantiate_trainer(**kwargs)
        if self._plan is not None:
            self._keep_together(trainer, self._plan)
        return trainer

    def _start(self, root: Path) -> Plan:
        """Take the run folder and decide where to begin."""
        _lock(self._held, root)
        self._dump_config()
        self._record = run_record(self.config_dump, self._fingerprints())
        named = self._settings.ckpt_path
        resume = self._settings.resume
        plan = plan_from(Path(named), root, self._record) if named else plan_fit(root, resume, self._record)
        if plan.said:
            say(plan.said)
        if plan.nothing_to_do:
            raise AlreadyFinished
        return plan

    def _fingerprints(self) -> dict[str, str]:
        scenes = getattr(self.datamodule, "scenes", None)
        return data_fingerprints({name: scenes(name) for name in ("train", "val")}) if scenes else {}

    def _run_options(self, config: Any, plan: Plan) -> dict[str, Any]:
        callbacks = [*_listed(config.callbacks), *self._own_callbacks(config, plan)]
        options: dict[str, Any] = {"callbacks": callbacks}
        if config.logger is None or config.logger is True:
            options["logger"] = default_loggers(plan.run, step=plan.step)
        plugins = _listed(config.plugins)
        if not any(isinstance(plugin, CheckpointIO) for plugin in plugins):
            options["plugins"] = [*plugins, WholeCheckpointIO()]
        return options

    def _own_callbacks(self, config: Any, plan: Plan) -> list[Callback]:
        seed = int(self._settings.seed_everything)
        own: list[Callback] = [FiniteGuard(), EpochSeed(seed), RunKeeper(plan.run, self._record)]
        if config.logger is not False:
            own.append(LearningRateMonitor(logging_interval="epoch"))
        given = [callback for callback in _listed(config.callbacks) if isinstance(callback, ModelCheckpoint)]
        may_choose = getattr(self.datamodule, "may_choose", True)
        if not may_choose:
            _refuse_choosing(_listed(config.callbacks))
        elif not any(callback.monitor for callback in given):
            own.append(_best_checkpoint())
        return [*own, LastCheckpoint(plan.run.checkpoints)]

    @staticmethod
    def _keep_together(trainer: Trainer, plan: Plan) -> None:
        """All checkpoints of a run lie in its folder, whatever logger it has."""
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, ModelCheckpoint) and callback.dirpath is None:
                callback.dirpath = str(plan.run.checkpoints)
        if plan.checkpoint is not None:
            trainer.ckpt_path = str(plan.checkpoint)

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        kwargs = super()._prepare_subcommand_kwargs(subcommand)
        kwargs["weights_only"] = True
        if subcommand == "fit":
            kwargs["ckpt_path"] = None  # the plan has set the trainer's own
        else:
            kwargs["ckpt_path"] = str(self._trained(kwargs.get("ckpt_path")))
        return kwargs

    def _trained(self, named: str | None) -> Path:
        """The checkpoint that is validated or tested: the named one, else the best of the newest run."""
        path = Path(named) if named else self._newest_best()
        stored = read_checkpoint(path)
        if isinstance(self.model, LandCoverTask):
            _check_model(stored, self.model, path)
        return path

    def _newest_best(self) -> Path:
        root = Path(self._settings.trainer.default_root_dir)
        found = [
            run.checkpoints / name
            for run in reversed(find_runs(root))
            for name in (BEST, LAST)
            if (run.checkpoints / name).is_file()
        ]
        if not found:
            raise CheckpointUnreadable(f"there is no trained model in {root}; train one, or give --ckpt_path FILE")
        say(f"using {found[0]}")
        return found[0]

    def predict(self, *, ckpt_path: str, **_: Any) -> None:
        """Map whole scenes: tiles of one size, blended, where Lightning would hand out patches.

        Raises:
            ConfigError: The model or the data are of a kind that has no maps.
        """
        task, scenes = load_task(Path(ckpt_path)), getattr(self.datamodule, "scenes", None)
        if scenes is None:
            raise ConfigError("predict needs data that has scenes; take training.datamodule.SceneData")
        device = self.trainer.strategy.root_device
        folder = Path(self._settings.maps or Path(ckpt_path).resolve().parents[1] / "maps")
        predictor = torch_predictor(task.scene_net.to(device))
        for name, written in write_maps(predictor, scenes(self._settings.split), task.legend, folder):
            say(f"{name} -> {folder}" if written else f"{name} has no georeference, so there is no map of it")

    def after_fit(self) -> None:
        """Note that the run came to its end."""
        if self._plan is not None and self.trainer.is_global_zero:
            if not (self._plan.run.checkpoints / LAST).is_file():
                raise ConfigError(
                    "no epoch was trained; look at trainer.max_epochs, max_steps, max_time and limit_train_batches"
                )
            self._plan.run.finish()
            say(f"finished: {self._plan.run.checkpoints}")


DESCRIPTIONS: Final = {
    "fit": "Train a model. `steppe train fit -c configs/train/smoke.yaml`; any field can be given here too: "
    "--trainer.max_epochs=2 --data.init_args.patches.batch_size=4. Run it again after an interruption and it goes on "
    "from the last finished epoch.",
    "validate": "Score a trained model on the validation split, patch by patch. Without --ckpt_path the best "
    "checkpoint of the newest run is taken. Whole scenes: `steppe evaluate`.",
    "test": "Score a trained model on the test split, patch by patch; best left to `steppe publish`, once.",
    "predict": "Map the scenes of a split with a trained model: one class GeoTIFF per scene, tiled and blended as in "
    "the service.",
}


def run(arguments: list[str]) -> int:
    """Run a command of Lightning.

    Args:
        arguments: The command line after ``steppe train``.

    Returns:
        Exit code.

    Raises:
        SteppeError: For everything that the user can mend.
    """
    torch.set_float32_matmul_precision("high")
    try:
        with ExitStack() as held, warnings.catch_warnings(), _nouns():
            for message in FOREIGN_WARNINGS:
                warnings.filterwarnings("ignore", message=message)
            SteppeCLI(arguments, held=held)
    except AlreadyFinished:
        return 0
    except SIGTERMException:
        sys.stderr.write("steppe train: asked to end; the same command goes on from the last finished epoch\n")
        return TERMINATED
    except SystemExit as leave:
        if isinstance(leave.__context__, KeyboardInterrupt):
            return INTERRUPTED
        return leave.code if isinstance(leave.code, int) else 0
    return 0


@contextmanager
def _nouns() -> Iterator[None]:
    """Errors of libraries that the user can mend, as errors of this project."""
    try:
        yield
    except MisconfigurationException as error:
        raise refused(error) from error
    except RuntimeError as error:
        if not str(error).startswith("Early stopping conditioned"):
            raise  # a defect of ours, or of a library
        raise refused(error) from error
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise DiskFull("no space left while training; free some, and the same command goes on") from error


@rank_zero_only
def _lock(held: ExitStack, root: Path) -> None:
    """One process of a distributed training holds the folder for all."""
    held.enter_context(locked(root))


@rank_zero_only
def say(text: str) -> None:
    """One line for the person at the terminal."""
    sys.stderr.write(f"steppe train: {text}\n")


def _described(name: str) -> dict[str, Any]:
    return {"description": DESCRIPTIONS[name], "exit_on_error": False}


def _config_files(arguments: list[str]) -> list[Path]:
    """Files given by -c or --config, in any of their spellings."""
    files = []
    for position, argument in enumerate(arguments):
        if argument in {"-c", "--config"} and position + 1 < len(arguments):
            files.append(Path(arguments[position + 1]))
        elif argument.startswith("--config="):
            files.append(Path(argument.removeprefix("--config=")))
    return files


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _best_checkpoint() -> ModelCheckpoint:
    """The best epoch so far, written when the epoch is over, so that a run can go on from it."""
    return ModelCheckpoint(
        filename=Path(BEST).stem,
        monitor=MONITOR,
        mode="max",
        enable_version_counter=False,
        save_on_train_epoch_end=True,
    )


def _refuse_choosing(callbacks: list[Callback]) -> None:
    """Where validation is what is tested, or what was trained on, nothing is chosen by it.

    Raises:
        ConfigError: A callback would choose.
    """
    choosing = [
        type(callback).__name__
        for callback in callbacks
        if isinstance(callback, EarlyStopping) or (isinstance(callback, ModelCheckpoint) and callback.monitor)
    ]
    if choosing:
        raise ConfigError(
            f"{choosing[0]} chooses by validation scenes that are also tested or trained on in this split; leave it "
            "out: the last checkpoint of the whole schedule is what counts"
        )


def _check_model(stored: dict[str, Any], task: LandCoverTask, path: Path) -> None:
    """A checkpoint belongs to the model of the configuration.

    Raises:
        CheckpointUnreadable: Its weights have other names or shapes.
        ConfigError: It was trained with other inputs; they are no weights, so nothing else would notice.
    """
    own, given = task.state_dict(), stored["state_dict"]
    if {name: value.shape for name, value in own.items()} != {name: value.shape for name, value in given.items()}:
        raise CheckpointUnreadable(f"{path.name} holds another network than the configuration describes")
    inputs, legend = stored.get("hyper_parameters", {}).get("inputs"), stored.get("hyper_parameters", {}).get("legend")
    mine = dict(task.hparams)
    if (inputs, legend) != (mine.get("inputs"), mine.get("legend")):
        raise ConfigError(f"{path.name} was trained with other inputs or another legend than the configuration has")
