"""Sizes and schedules that are not asked for."""

import pytest

from skhj.inverse.defaults import Defaults


def test_training_sees_about_as_many_samples_whatever_their_number():
    for n, n_passes in [(100, 40), (15_000, 20), (10**6, 10)]:
        assert Defaults().schedule(n, 4, None).max_iter == n_passes


def test_draws_take_thrice_the_passes():
    assert Defaults().schedule(15_000, 4, None, draws=True).max_iter == 60


@pytest.mark.parametrize(("n_pixels", "batch_size"), [(64, 32), (4096, 16), (10**5, 8)])
def test_steps_of_images_have_about_as_many_pixels(n_pixels, batch_size):
    schedule = Defaults().schedule(1000, n_pixels, (1, n_pixels))
    assert schedule.batch_size == batch_size


def test_embeddings_are_four_times_the_unknowns_within_limits():
    dims = [Defaults().embedding_dim(n, None) for n in (2, 30, 1000)]
    assert dims == [64, 120, 256]
    assert Defaults(channels=8).embedding_dim(64, (8, 8)) == 8
