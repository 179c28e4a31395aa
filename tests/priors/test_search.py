"""The search asks kinds, and knows none of them."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from skhj.priors.candidate import Candidate
from skhj.priors.convex.architecture import ICNNArchitecture
from skhj.priors.kind import Kind
from skhj.priors.samples import Samples
from skhj.priors.search import PriorSearch, Settings
from skhj.priors.solved import Solved
from skhj.training import Schedule, Trainer


class Shifted:
    """A model of S(x) = x_1 that is off by a constant."""

    def __init__(self, error):
        self.error = error

    def value(self, X):
        value = X[:, 0] + self.error
        return Solved(value, np.zeros_like(X), np.ones(len(X), dtype=bool))


@dataclass(frozen=True)
class Toy(Kind):
    """A kind whose models err as told."""

    name: str
    error: float = 1.0
    affordable: bool = True
    why_not: str = ""
    raises: type | None = None

    def obstacle(self, samples, settings):
        return self.why_not

    def limit(self, search):
        return "" if self.affordable else "too few samples"

    def fit(self, search):
        if self.raises is not None:
            raise self.raises("it ran away")
        none = np.empty(0)
        return Candidate(self, Shifted(self.error), none, none, ())

    def finish(self, candidate, search):
        return candidate._replace(unsettled=("finished",))


def search():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(100, 2))
    samples = Samples(X, X[:, 0], None, 1.0, np.arange(100) < 20)
    trainer = Trainer(Schedule(1, 1, 1.0), torch.Generator())
    return PriorSearch(samples, Settings(trainer, ICNNArchitecture()), rng)


def names(candidates):
    return [candidate.kind.name for candidate in candidates]


def test_models_come_best_first_and_the_best_alone_is_finished():
    found = search().run([Toy("a", 0.3), Toy("b", 0.1), Toy("c", 0.2)])
    assert names(found) == ["b", "c", "a"]
    assert [one.unsettled for one in found] == [("finished",), (), ()]
    np.testing.assert_allclose(
        [one.validation_error for one in found], np.square([0.1, 0.2, 0.3])
    )


def test_what_leaves_next_to_nothing_ends_the_search():
    assert names(search().run([Toy("a", 0.3), Toy("b", 1e-9), Toy("c", 0)])) == [
        "b",
        "a",
    ]


def test_kinds_that_cannot_afford_the_samples_are_tried_only_where_wanted():
    kinds = [Toy("a"), Toy("b", 0.5, affordable=False)]
    fit = search()
    assert names(fit.run(kinds)) == ["a"]
    assert [(kind.name, why) for kind, why in fit.passed_over] == [
        ("b", "too few samples")
    ]
    assert names(search().run(kinds, wanted=True)) == ["b", "a"]


def test_kinds_that_cannot_learn_are_left_out_unless_the_first_is_wanted():
    kinds = [Toy("a", why_not="it cannot"), Toy("b"), Toy("c", why_not="nor can it")]
    assert names(search().run(kinds)) == ["b"]
    for asked, wanted in ((kinds, True), (kinds[::2], False)):
        with pytest.raises(ValueError, match="it cannot"):
            search().run(asked, wanted=wanted)


@pytest.mark.parametrize("error", [FloatingPointError, np.linalg.LinAlgError])
def test_a_kind_that_fails_is_left_out_and_the_others_answer(error):
    fit = search()
    found = fit.run([Toy("a", raises=error), Toy("b"), Toy("c", np.nan)])
    assert names(found) == ["b"]
    assert [kind.name for kind, _ in fit.failures] == ["a", "c"]
    assert "ran away" in str(fit.failures[0].error)


def test_where_all_fail_the_last_failure_is_raised():
    kinds = [Toy("a", np.inf), Toy("b", raises=FloatingPointError)]
    with pytest.raises(FloatingPointError, match="it ran away"):
        search().run(kinds)


def test_an_error_of_the_input_is_not_taken_for_a_failure():
    with pytest.raises(ValueError, match="ran away"):
        search().run([Toy("a"), Toy("b", raises=ValueError)])


def test_what_kinds_share_is_made_once():
    fit, made = search(), []

    def make(own):
        made.append(own)
        return len(made)

    assert fit.shared(make) == fit.shared(make) == 1
    assert made == [fit]


@dataclass(frozen=True)
class Modest(Toy):
    """A kind that never expects to gain anything."""

    def may_gain(self, search):
        return False


def test_the_last_kind_answers_where_no_other_does():
    kinds = Modest("first"), Modest("second", affordable=False)
    assert names(search().run(kinds)) == ["second"]
    assert names(search().run((Toy("good"), *kinds))) == ["good"]
