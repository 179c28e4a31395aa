"""Choice of a linear estimate on hold-outs."""

import numpy as np
from linear_pairs import linear_pairs

from skhj.inverse.linear.dense import statistics_of
from skhj.inverse.linear.selection import LinearSelection, Ridge, Wiener
from skhj.inverse.pairs import Pairs


def test_choice_knows_the_operator_where_samples_are_few():
    B, X, A = linear_pairs(n=1000, M=20, N=25)
    held_out = np.arange(30) < 6
    statistics = statistics_of(B[:30], X[:30])
    errors = []
    for operator in (A, None):
        choice = LinearSelection().choose(
            Pairs(B[:30], X[:30], held_out, ~held_out), operator
        )
        errors.append(np.mean((choice.kind.fit(statistics)(B[30:]) - X[30:]) ** 2))
    assert errors[0] < 0.9 * errors[1]


def test_choice_from_few_samples_does_not_hang_on_those_held_out():
    B, X, A = linear_pairs(n=100)
    moved = np.roll(B, 25, axis=0), np.roll(X, 25, axis=0)
    held_out = np.arange(100) < 10
    choice = LinearSelection().choose(Pairs(B, X, held_out, ~held_out), A)
    again = LinearSelection().choose(Pairs(*moved, held_out, ~held_out), A)
    np.testing.assert_allclose(again.error, choice.error)


def test_choice_leaves_a_wrong_operator():
    B, X, A = linear_pairs()
    held_out = np.arange(len(B)) < 40
    right = LinearSelection().choose(Pairs(B, X, held_out, ~held_out), A)
    wrong = LinearSelection().choose(Pairs(B, X, held_out, ~held_out), -3 * A)
    assert wrong.error.sum() <= 1.02 * right.error.sum()


def test_refit_on_the_same_samples_has_the_error_of_the_choice():
    B, X, A = linear_pairs(n=2000)
    held_out = np.arange(len(B)) < 40
    for operator in (A, None):
        choice = LinearSelection().choose(Pairs(B, X, held_out, ~held_out), operator)
        again = choice.kind.fit(statistics_of(B[~held_out], X[~held_out]))
        error = np.mean((again(B) - X)[held_out] ** 2, axis=0)
        np.testing.assert_allclose(error, choice.error)


def test_margin_says_when_the_operator_is_left():
    B, X, A = linear_pairs()
    held_out = np.arange(len(B)) < 40
    kinds = [
        type(
            LinearSelection(margin=margin)
            .choose(Pairs(B, X, held_out, ~held_out), A)
            .kind
        )
        for margin in (0.0, np.inf)
    ]
    assert kinds == [Wiener, Ridge]
