"""The training loop."""

import numpy as np
import pytest
import torch
from torch import nn

from skhj.training import Schedule, Trainer
from skhj.training.net import TensorBatches


class MeanSquaredError(nn.Module):
    def forward(self, predictions, targets):
        return nn.functional.mse_loss(predictions, targets[0])


class Line(nn.Module):
    """A linear module that counts its projections."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))
        self.n_projections = 0

    def forward(self, x):
        return x @ self.weight

    def project_(self):
        self.n_projections += 1


def data(n, slope=(1.0, 2.0), seed=0):
    x = torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))
    return x, x @ torch.tensor(slope)


def trainer(max_iter=20, batch_size=16, learning_rate=0.1, verbose=0, **changes):
    schedule = Schedule(max_iter, batch_size, learning_rate, **changes)
    generator = torch.Generator().manual_seed(0)
    return Trainer(schedule, generator, verbose=verbose)


def fit(module, training=None, validation=None, augment=None, **changes):
    training, validation = training or data(50), validation or data(20, seed=1)
    return trainer(**changes).train(
        module, MeanSquaredError(), training, validation, augment=augment
    )


def test_batches_cover_every_sample_once_in_a_seeded_order():
    dataset = torch.utils.data.TensorDataset(
        torch.arange(10.0)[:, None], torch.arange(10)
    )

    def order(seed):
        generator = torch.Generator().manual_seed(seed)
        batches = list(TensorBatches(dataset, 4, generator))
        assert [len(x) for x, _ in batches] == [4, 4, 2]
        return torch.cat([targets[0] for _, targets in batches]).tolist()

    assert sorted(order(0)) == list(range(10))
    assert order(0) == order(0)
    assert order(0) != order(1)


def test_a_line_is_learned_and_projected_after_each_step():
    module = Line()
    result = fit(module, max_iter=60)
    # Adam's last steps are as small as the schedule's end; 1e-2 of slopes 1 and 2.
    np.testing.assert_allclose(module.weight.detach(), [1.0, 2.0], atol=1e-2)
    assert module.n_projections == 60 * 4
    assert len(result.loss_curve) == len(result.validation_curve) == 60


def test_best_weights_on_the_hold_out_are_kept():
    """The hold-out follows another slope, so training makes it worse in the end."""
    module, validation = Line(), data(20, slope=(0.3, 0.6), seed=1)
    result = fit(module, validation=validation)
    assert result.best_loss == result.validation_curve.min()
    assert result.best_loss < result.validation_curve[-1]
    with torch.no_grad():
        loss = nn.functional.mse_loss(module(validation[0]), validation[1])
    np.testing.assert_allclose(loss, result.best_loss, rtol=1e-6)


def test_training_ends_when_the_hold_out_no_longer_improves():
    result = fit(Line(), validation=data(20, slope=(-1.0, -2.0), seed=1), max_iter=40)
    assert len(result.loss_curve) == 22  # best at the first epoch, then 21 without


def test_training_goes_on_while_the_hold_out_is_as_good_but_for_chance():
    inputs, targets = data(20, slope=(-1.0, -2.0), seed=1)
    noisy = targets + 100 * (-1) ** torch.arange(20)
    result = fit(Line(), validation=(inputs, noisy), max_iter=40)
    assert np.argmin(result.validation_curve) < 10
    assert len(result.loss_curve) == 40


def test_without_a_hold_out_all_epochs_are_run_and_the_last_weights_kept():
    module = Line()
    result = trainer(max_iter=60).train(module, MeanSquaredError(), data(50))
    # As above.
    np.testing.assert_allclose(module.weight.detach(), [1.0, 2.0], atol=1e-2)
    assert len(result.loss_curve) == 60
    assert len(result.validation_curve) == 0
    assert result.best_loss == result.loss_curve[-1]


def test_augmented_inputs_are_what_is_learned_and_not_what_is_validated():
    module = Line()
    result = fit(module, max_iter=60, augment=lambda inputs: 2 * inputs)
    # Training goes on to half of the slopes, past those that the hold-out prefers.
    assert result.loss_curve[-1] < 1e-2
    x, y = data(20, seed=1)
    at_half = nn.functional.mse_loss(x @ torch.tensor([0.5, 1.0]), y)
    np.testing.assert_allclose(result.validation_curve[-1], at_half, rtol=0.05)


def test_gradients_are_clipped_to_their_largest_norm():
    class Recording(Line):
        norms = ()

        def project_(self):
            self.norms = (*self.norms, self.weight.grad.norm().item())

    free, clipped = Recording(), Recording()
    fit(free, max_iter=1)
    fit(clipped, max_iter=1, max_norm=0.1)
    assert max(free.norms) > 1
    # Single precision, and the guard against dividing by zero.
    np.testing.assert_allclose(clipped.norms, 0.1, rtol=1e-4)


def test_same_generator_same_result_and_the_global_one_untouched():
    state = torch.get_rng_state()
    first, second = Line(), Line()
    fit(first)
    fit(second)
    assert torch.equal(first.weight, second.weight)
    assert torch.equal(torch.get_rng_state(), state)


def test_loss_that_is_not_finite_says_what_to_lower():
    with pytest.raises(
        FloatingPointError, match=r"lower learning_rate \(it is 1e\+20\)"
    ):
        fit(Line(), learning_rate=1e20)


def test_interrupt_is_not_swallowed():
    class Interrupted(Line):
        def project_(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(Interrupted())


def test_verbose_prints_a_line_an_epoch(capsys):
    fit(Line(), max_iter=3, verbose=1)
    assert not capsys.readouterr().out
    fit(Line(), max_iter=3, verbose=2)
    printed = capsys.readouterr().out
    assert "train_loss" in printed
    assert len([line for line in printed.splitlines() if line.strip()]) == 3 + 2
