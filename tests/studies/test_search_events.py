"""What a search decides, whatever happens when: with made-up workers, in every order of events that is drawn."""

from __future__ import annotations

import itertools
import json
import statistics
from pathlib import Path
from typing import Any

import pytest
from pretend import METRIC, PretendWorkers, by_name, disturbed, num_epochs, worked
from tiny import tiny

from papilio.runs.folder import RunFacts
from papilio.runs.plan import RunPlan
from papilio.search.states import Job
from papilio.studies.space import parse_space, point_key

DROPOUTS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
VARY = {"model.dropout": DROPOUTS, "train.batch_size": [8, 16, 32]}
HALVING = {"name": "halving", "factor": 3}
HYPERBAND = {"name": "hyperband", "factor": 2}
MEDIAN = {"name": "median", "min_trials": 2}
RANDOM = {"sampler": {"name": "random", "seed": 4}, "trials": 14}
TPE = {"sampler": "tpe", "trials": 16}


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of small files: what a power cut would leave of them is not asked here."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def a_study(*stages: dict[str, Any], epochs: int = 6) -> dict[str, Any]:
    return tiny(train__epochs=epochs, stage=[{"name": f"stage {number}"} | one for number, one in enumerate(stages)])


def trial_of(workers: PretendWorkers) -> dict[str, list[str]]:
    """The statuses of each trial's runs."""
    statuses: dict[str, list[str]] = {}
    for facts in workers.facts():
        statuses.setdefault(f"{facts.stage}: {facts.trial}", []).append(facts.status)
    return statuses


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sampler", [{}, RANDOM, {"sampler": "sobol", "trials": 14}, TPE])
def test_each_point_has_each_of_its_runs_once_whatever_is_killed(
    sampler: dict[str, Any], seed: int, tmp_path: Path
) -> None:
    workers = disturbed(a_study({"vary": VARY, "seeds": 2, **sampler}), tmp_path, seed=seed)
    facts = workers.facts()
    points = {(point_key(one.varied), one.seed) for one in facts}
    num_trials = sampler.get("trials", 18)
    assert len(points) == len(facts) == 2 * num_trials
    assert {one.status for one in facts} == {"done"}
    assert all(num_epochs(tmp_path, one.run) == 6 for one in facts)
    assert len(list(tmp_path.glob("runs/*"))) == 2 * num_trials
    assert all(parse_space(VARY).holds(one.varied) for one in facts)


@pytest.mark.parametrize("sampler", [{}, RANDOM, {"sampler": {"name": "sobol", "seed": 1}, "trials": 9}])
def test_samplers_that_do_not_learn_have_the_same_trials_after_kills(sampler: dict[str, Any], tmp_path: Path) -> None:
    study = a_study({"vary": VARY, **sampler})
    assert disturbed(study, tmp_path / "a", seed=0).ends() == worked(study, tmp_path / "b", seed=1).ends()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("pruner", [HALVING, HYPERBAND])
@pytest.mark.parametrize("sampler", [{}, RANDOM])
def test_halving_comes_to_the_same_end_with_any_workers_order_and_kills(
    pruner: dict[str, Any], sampler: dict[str, Any], seed: int, tmp_path: Path
) -> None:
    study = a_study({"vary": VARY, "seeds": 2, "pruner": pruner, **sampler}, epochs=9)
    expected = worked(study, tmp_path / "expected", seed=99, num=1)
    assert {"done", "pruned"} == {status for status, _, _ in expected.ends().values()}
    assert worked(study, tmp_path / "many", seed=seed, num=5).ends() == expected.ends()
    assert disturbed(study, tmp_path / "disturbed", seed=seed).ends() == expected.ends()


def test_halving_keeps_the_best_third_of_the_trials_by_the_mean_of_their_runs(tmp_path: Path) -> None:
    study = a_study({"vary": VARY, "seeds": 2, "folds": 2, "pruner": HALVING}, epochs=9)
    workers = worked(study, tmp_path, seed=1)
    (search,) = workers.search.in_order()
    alive = {trial.number for trial in search.trials}
    for rung, kept in ((1, 6), (3, 2)):
        means = {
            number: statistics.fmean(
                max(by_name(run.plan, epoch) for epoch in range(1, rung + 1)) for run in search.trials[number].runs
            )
            for number in alive
        }
        alive = set(sorted(means, key=lambda number: -means[number])[:kept])
        deeper = {trial.number for trial in search.trials if len(trial.runs[0].scores) > rung}
        assert deeper == alive
    assert {len({len(run.scores) for run in trial.runs}) for trial in search.trials} == {1}
    assert workers.num_epochs == 4 * (12 * 1 + 4 * 3 + 2 * 9)


def test_halving_looks_at_the_longest_of_trials_with_different_epochs(tmp_path: Path) -> None:
    """The rungs were those of the first trial: where that one had a single epoch, nothing was ever cut."""
    study = a_study({"vary": {"train.epochs": [1, 9], "model.dropout": DROPOUTS}, "pruner": HALVING})
    statuses = [status for status, _, _ in worked(study, tmp_path, seed=0).ends().values()]
    assert statuses.count("pruned") >= 3


@pytest.mark.parametrize("seed", range(6))
def test_the_median_takes_all_runs_of_a_trial_and_every_trial_comes_to_an_end(seed: int, tmp_path: Path) -> None:
    study = a_study({"vary": VARY, "seeds": 2, "folds": 2, "pruner": MEDIAN}, {"from": {"stage": "stage 0", "top": 2}})
    workers = disturbed(study, tmp_path, seed=seed)
    first, second = workers.search.in_order()
    cut = [trial for trial in first.trials if trial.cut]
    assert cut and len(cut) < len(first.trials)
    for trial in first.trials:
        statuses = {run.facts.status for run in trial.runs if run.facts}
        assert statuses <= {"done", "pruned"} and ("pruned" in statuses) is bool(trial.cut)
    assert not {trial.number for trial in first.ranked()} & {trial.number for trial in cut}
    assert all(trial.is_done for trial in second.trials)


@pytest.mark.parametrize("seed", range(6))
def test_a_search_that_is_read_again_knows_what_it_knew(seed: int, tmp_path: Path) -> None:
    """A trial that was cut in its last epoch counted as cut until the study was resumed, and as done from then on."""
    study = a_study({"vary": VARY, "pruner": {"name": "median", "min_trials": 2, "min_epochs": 5}})
    workers = worked(study, tmp_path, seed=seed)
    again = PretendWorkers(study, tmp_path, num=1, seed=0)
    assert again.search.next_job() is None and again.search.is_over
    for before, after in zip(workers.search.in_order(), again.search.in_order(), strict=True):
        assert [trial.plan.name for trial in before.ranked()] == [trial.plan.name for trial in after.ranked()]
    assert workers.search.tally() == again.search.tally()
    assert workers.search.tally().num_failed == 0


def test_a_cut_run_whose_worker_dies_is_not_taken_up_again(tmp_path: Path) -> None:
    """It was handed out once more, and trained to its end."""
    study = a_study({"vary": VARY, "seeds": 3, "pruner": MEDIAN}, epochs=40)
    workers = PretendWorkers(study, tmp_path, num=4, seed=2)
    while not workers.stopping:
        assert not workers.work(turns=1)
    (name,) = itertools.islice(workers.stopping, 1)
    (job,) = (one for one in workers.jobs if one is not None and one.plan.name == name)
    workers.search.give_back(job)
    workers.jobs[workers.jobs.index(job)] = None
    before = num_epochs(tmp_path, name)
    assert workers.work()
    assert workers.ends()[name][0] == "pruned" and num_epochs(tmp_path, name) == before


class DyingAtRungs(PretendWorkers):
    """Each worker dies when it has told the last epoch that its run was to have for now, before it can say so."""

    def _end(self, job: Job, facts: RunFacts) -> bool:
        if facts.status != "stopped":
            return super()._end(job, facts)
        self.search.give_back(job)
        return True


@pytest.mark.parametrize("pruner", [HALVING, HYPERBAND])
def test_a_run_at_its_rung_whose_worker_dies_has_not_an_epoch_more(pruner: dict[str, Any], tmp_path: Path) -> None:
    """It was handed out once more, and trained one epoch too far."""
    study = a_study({"vary": VARY, "seeds": 2, "pruner": pruner})
    workers = DyingAtRungs(study, tmp_path / "dying", num=2, seed=1)
    assert workers.work()
    assert workers.ends() == worked(study, tmp_path / "living", seed=0).ends()


def failing(plan: RunPlan, epoch: int) -> float:
    """Runs with a dropout above 0.35 fail in their second epoch."""
    if plan.varied["model.dropout"] > 0.35 and epoch == 2:
        raise ArithmeticError
    return by_name(plan, epoch) + (0.5 if plan.varied["model.dropout"] > 0.35 else 0.0)


@pytest.mark.parametrize("pruner", [None, HALVING, HYPERBAND, MEDIAN])
def test_runs_that_fail_hold_up_nobody_and_are_not_the_best(pruner: dict[str, Any] | None, tmp_path: Path) -> None:
    stage = {"vary": VARY, "seeds": 2} | ({"pruner": pruner} if pruner else {})
    workers = worked(
        a_study(stage, {"from": "stage 0"}),
        tmp_path,
        seed=3,
        curve=lambda plan, epoch: failing(plan, epoch) if plan.stage == "stage 0" else by_name(plan, epoch),
    )
    first, *rest = workers.search.in_order()
    assert any(status == "failed" for statuses in trial_of(workers).values() for status in statuses)
    assert all(trial.point["model.dropout"] < 0.35 for trial in (one.plan for one in first.ranked()))
    assert bool(rest) is bool(first.ranked())
    assert bool(workers.search.blocked) is not bool(first.ranked())


def test_a_stage_without_a_single_good_trial_blocks_only_those_that_start_from_it(tmp_path: Path) -> None:
    def curve(plan: RunPlan, epoch: int) -> float:
        if plan.stage == "stage 0":
            raise ArithmeticError
        return by_name(plan, epoch)

    study = a_study({"vary": VARY}, {"from": "stage 0"}, {"from": "stage 1"}, {"vary": VARY})
    workers = worked(study, tmp_path, seed=0, curve=curve)
    assert workers.search.blocked == {
        "stage 1": 'stage "stage 1" starts from the best of "stage 0", but no trial of that stage has finished',
        "stage 2": 'stage "stage 2" starts from the best of "stage 1", but no trial of that stage has finished',
    }
    assert [search.plan.settings.name for search in workers.search.in_order()] == ["stage 0", "stage 3"]
    assert {facts.status for facts in workers.facts() if facts.stage == "stage 3"} == {"done"}


@pytest.mark.parametrize("top", [1, 3])
def test_a_stage_starts_from_the_best_by_validation(top: int, tmp_path: Path) -> None:
    later = {"from": {"stage": "stage 0", "top": top}, "vary": {"train.learning_rate": [0.1, 0.2]}}
    workers = worked(a_study({"vary": VARY, "seeds": 2}, later), tmp_path, seed=0)
    means: dict[str, list[float]] = {}
    for facts in workers.facts():
        if facts.stage == "stage 0":
            means.setdefault(json.dumps(facts.varied), []).append(facts.metrics[METRIC])
    best = sorted(means, key=lambda varied: -statistics.fmean(means[varied]))[:top]
    started = [facts for facts in workers.facts() if facts.stage == "stage 1"]
    assert len(started) == 2 * top
    assert {(one.settings["model"]["dropout"], one.settings["train"]["batch_size"]) for one in started} == {
        tuple(json.loads(varied).values()) for varied in best
    }
    assert {one.varied["train.learning_rate"] for one in started} == {0.1, 0.2}


def test_the_best_that_differ_only_in_what_varies_again_are_one_start(tmp_path: Path) -> None:
    """The study ended with "have the same settings", hours after it had begun."""
    later = {"from": {"stage": "stage 0", "top": 3}, "vary": {"model.dropout": [0.0, 0.9]}}
    workers = worked(a_study({"vary": {"model.dropout": DROPOUTS}}, later), tmp_path, seed=0)
    started = [facts for facts in workers.facts() if facts.stage == "stage 1"]
    assert [one.settings["model"]["dropout"] for one in started] == [0.0, 0.9]


def test_fewer_good_trials_than_a_stage_wants_are_said_and_taken(tmp_path: Path) -> None:
    study = a_study({"vary": VARY, "pruner": HALVING}, {"from": {"stage": "stage 0", "top": 5}}, epochs=9)
    workers = worked(study, tmp_path, seed=0)
    first, second = workers.search.in_order()
    assert len(first.ranked()) == len(second.trials) == 2
    assert "stage 1: only 2 trials of stage 0 finished; it starts from those" in workers.search.take_notes()


@pytest.mark.parametrize("seed", range(3))
def test_tpe_goes_on_after_kills_without_a_point_twice_and_with_every_pruner(seed: int, tmp_path: Path) -> None:
    vary = {
        "train.optimizer": ["adam", {"name": "sgd", "learning_rate": 0.5}],
        "train.momentum": {"values": [0.0, 0.9], "when": {"train.optimizer": {"name": "sgd", "learning_rate": 0.5}}},
        "model.dropout": {"low": 0.0, "high": 0.9},
    }
    stages = [
        {"vary": vary, **TPE} | ({"pruner": pruner} if pruner else {}) for pruner in (None, HALVING, HYPERBAND, MEDIAN)
    ]
    workers = disturbed(a_study(*stages), tmp_path, seed=seed)
    for search in workers.search.in_order():
        keys = [point_key(trial.plan.point) for trial in search.trials]
        assert len(set(keys)) == len(keys) == 16
        assert all(search.plan.space.holds(trial.plan.point) for trial in search.trials)
        assert all(trial.is_done or trial.cut for trial in search.trials)
    assert len(workers.facts()) == len(list(tmp_path.glob("runs/*")))


def test_folds_are_measured_on_test_images_for_the_chosen_trial_alone_and_once(tmp_path: Path) -> None:
    study = a_study({"vary": VARY, "folds": 3})
    workers = worked(study, tmp_path, seed=0)
    (search,) = workers.search.in_order()
    chosen = search.ranked()[0].plan.name
    tested = [facts for facts in workers.facts() if "test_accuracy" in facts.metrics]
    assert [facts.trial for facts in tested] == [chosen] * 3
    again = PretendWorkers(study, tmp_path, num=1, seed=0)
    assert again.search.next_job() is None


def test_growing_a_study_runs_only_what_is_new(tmp_path: Path) -> None:
    before = worked(a_study({"vary": {"model.dropout": DROPOUTS[:3]}}), tmp_path, seed=0)
    contents = {file: file.read_bytes() for file in tmp_path.glob("runs/*/*")}
    grown = a_study({"vary": {"model.dropout": DROPOUTS[:4]}, "seeds": 2}, {"from": "stage 0"})
    after = worked(grown, tmp_path, seed=1)
    assert before.num_epochs == 3 * 6 and after.num_epochs == (8 - 3 + 1) * 6
    assert {file: file.read_bytes() for file in contents} == contents


@pytest.mark.parametrize("sampler", ["random", "sobol", "tpe"])
def test_more_trials_keep_those_that_there_were(sampler: str, tmp_path: Path) -> None:
    vary = {"model.dropout": {"low": 0.0, "high": 0.9}}
    first = worked(a_study({"vary": vary, "sampler": sampler, "trials": 5}), tmp_path, seed=0)
    second = worked(a_study({"vary": vary, "sampler": sampler, "trials": 9}), tmp_path, seed=0)
    assert len(second.ends()) == 9 and first.ends().items() <= second.ends().items()
    assert second.num_epochs == 4 * 6


@pytest.mark.parametrize("pruner", [HALVING, HYPERBAND, MEDIAN])
def test_without_its_pruner_a_study_takes_up_what_was_cut(pruner: dict[str, Any], tmp_path: Path) -> None:
    cut = worked(a_study({"vary": VARY, "seeds": 2, "pruner": pruner}, epochs=9), tmp_path, seed=0)
    whole = worked(a_study({"vary": VARY, "seeds": 2}, epochs=9), tmp_path, seed=0)
    assert {status for status, _, _ in whole.ends().values()} == {"done"}
    assert cut.num_epochs + whole.num_epochs == 36 * 9


def test_with_a_pruner_added_what_is_done_stays_done(tmp_path: Path) -> None:
    workers = PretendWorkers(a_study({"vary": VARY}, epochs=9), tmp_path, num=2, seed=0)
    workers.work(turns=60)
    done = {run for run, end in workers.ends().items() if end[0] == "done"}
    pruned = worked(a_study({"vary": VARY, "pruner": HALVING}, epochs=9), tmp_path, seed=0)
    assert done and done <= {run for run, end in pruned.ends().items() if end[0] == "done"}
    assert "pruned" in {end[0] for end in pruned.ends().values()}


def test_a_tally_counts_every_trial_once(tmp_path: Path) -> None:
    study = a_study({"vary": VARY, "pruner": HALVING}, {"from": {"stage": "stage 0", "top": 2}, "seeds": 3}, epochs=9)
    workers = PretendWorkers(study, tmp_path, num=2, seed=0)
    while not workers.work(turns=5):
        tally = workers.search.tally()
        assert (tally.num_trials, tally.num_runs) == (18 + 2, 18 + 6)
        assert tally.num_done + tally.num_pruned + tally.num_failed <= tally.num_trials
        assert 0 <= tally.num_runs_over <= tally.num_runs
    tally = workers.search.tally()
    assert (tally.num_done, tally.num_pruned, tally.num_failed) == (2 + 2, 16, 0)
