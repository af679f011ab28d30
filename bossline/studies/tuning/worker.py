"""One process of a study: it runs trials until enough are finished, whoever finished them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from filelock import FileLock
from rich.console import Console

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.runs.run import Run
from bossline.studies.kept import THE_SAME_COMMAND, begin_or_resume
from bossline.studies.side_by_side import Workplace
from bossline.studies.tuning.optional import optuna
from bossline.studies.tuning.plan import Plan
from bossline.studies.tuning.storage import has_heartbeat, retry
from bossline.training.signals import Interrupted, StopRequest, stop_on_signal
from bossline.training.tally import Diverged

CLAIMS = ".claim.lock"  # held while a worker looks whether a trial is wanted, and takes it
_POLL_SECONDS = 0.5
_MOST_FAILURES = 5  # in a row; then it is the plan that is wrong, not a combination of values

_State = optuna.trial.TrialState
_FINISHED = (_State.COMPLETE, _State.PRUNED)


@dataclass
class Worker:
    """Trials of one study, each a run in the workplace's folder."""

    study: optuna.Study
    storage: optuna.storages.BaseStorage
    plan: Plan
    place: Workplace
    console: Console

    def __post_init__(self) -> None:
        self._claim = FileLock(self.place.folder / CLAIMS)
        self._current: int | None = None  # number of the trial at work
        self._failures: list[UserError] = []  # in a row

    def work(self, trials: int, timeout: float | None) -> None:
        """Run trials until so many are finished, pruned ones among them, over all workers.

        Args:
            timeout: seconds after which no more trial begins.

        Raises:
            UserError: one trial after the other fails.
            Interrupted: Ctrl-C or SIGTERM; the trial goes on when a worker comes to it.
        """
        until = None if timeout is None else time.monotonic() + timeout
        with stop_on_signal(THE_SAME_COMMAND) as stop:
            while self._finished() < trials and (until is None or time.monotonic() < until):
                if stop:
                    raise self._interrupted(trials)
                if not self._ran_one(trials):
                    self._wait(trials, stop)

    def _ran_one(self, trials: int) -> bool:
        """Run a trial; False where all that are wanted are finished or at work elsewhere."""
        self._current = None
        self._claim.acquire()  # released by the trial once it is taken
        try:
            if self._finished() + self._at_work() >= trials:
                return False
            self.study.optimize(self._objective, n_trials=1, catch=(UserError,))
        except (Interrupted, KeyboardInterrupt) as stop:
            if self._current is not None:
                retry(None)(self.study, self.study.trials[self._current])
            raise self._interrupted(trials) from stop
        finally:
            self._claim.release()
        self._report(trials)
        return True

    def _objective(self, trial: optuna.Trial) -> float:
        """Train one recipe; the validation score of its best epoch."""
        self._claim.release()
        self._current = trial.number
        first = optuna.storages.RetryHeartbeatStaleTrialCallback.retried_trial_number(
            self.study.trials[trial.number]
        )
        path = self.place.folder / f"trial-{trial.number if first is None else first}"
        trial.set_user_attr("run", path.name)
        try:
            recipe = self.plan.with_values({d.key: d.draw(trial) for d in self.plan.space})

            def watch(epoch: int, score: float) -> None:
                trial.report(score, epoch)
                if epoch < recipe.epochs and trial.should_prune():
                    raise optuna.TrialPruned

            run = begin_or_resume(
                path,
                recipe,
                self.place.corpus,
                device=self.place.device,
                threads=self.place.threads,
                console=self.console,
                watch=watch,
            )
        except Diverged as error:
            raise optuna.TrialPruned(str(error)) from error
        except UserError as error:
            self._failures.append(error)
            raise
        return score_of(run)

    def _finished(self) -> int:
        return len(self.study.get_trials(deepcopy=False, states=_FINISHED))

    def _at_work(self) -> int:
        """Trials of living workers; 0 where nobody would know that they died."""
        if not has_heartbeat(self.storage):
            return 0
        optuna.storages.fail_stale_trials(self.study)
        return len(self.study.get_trials(deepcopy=False, states=(_State.RUNNING,)))

    def _wait(self, trials: int, stop: StopRequest) -> None:
        """Until the others' trials are finished, or one of them is free again."""
        self._say("waiting for the trials of other workers")
        while not stop and self._finished() < trials <= self._finished() + self._at_work():
            time.sleep(_POLL_SECONDS)

    def _report(self, trials: int) -> None:
        assert self._current is not None
        trial = self.study.trials[self._current]
        if trial.state is _State.FAIL:
            self._say(f"trial {trial.number} failed: {self._failures[-1]}")
            if len(self._failures) >= _MOST_FAILURES:
                raise UserError(
                    f"{counted(len(self._failures), 'trial')} in a row failed; "
                    f"the last: {self._failures[-1]}"
                )
            return
        self._failures.clear()
        pruned = trial.state is _State.PRUNED
        result = f"pruned after epoch {trial.last_step}" if pruned else f"{trial.value:.4f}"
        complete = self.study.get_trials(deepcopy=False, states=(_State.COMPLETE,))
        scores = [t.value for t in complete if t.value is not None]
        best = max(scores, key=self.plan.metric.gain, default=None)
        so_far = "" if best is None else f", best {best:.4f}"
        done = f"{self._finished()}/{trials} finished{so_far}"
        self._say(f"trial {trial.number}: {result}  ({done})")

    def _interrupted(self, trials: int) -> Interrupted:
        return Interrupted(
            f"stopped with {self._finished()} of {counted(trials, 'trial')} finished; "
            f"{THE_SAME_COMMAND}"
        )

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def score_of(run: Run) -> float:
    """What is optimised: the score on the validation split, as the recipe smooths it."""
    return run.scores["validation"].score.value
