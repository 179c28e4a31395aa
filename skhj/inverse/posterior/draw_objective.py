"""What a network is trained for, where answers are draws, and how that is judged."""

from dataclasses import dataclass, replace

import numpy as np

from skhj.inverse.learned_inverse import starts_of
from skhj.inverse.objectives import Judged
from skhj.inverse.posterior.selection import MixtureSelection
from skhj.inverse.posterior.support import Support
from skhj.inverse.unrolled.energy_score import Draws, EnergyScore, whitening_of
from skhj.numerics.tensors import to_tensor
from skhj.numerics.threads import threads_for

__all__ = ["DrawObjective"]


@dataclass(frozen=True)
class DrawObjective:
    """Answers are draws from the posterior, by the energy score.

    Parameters
    ----------
    n_draws : int, default=4
        Draws of each posterior in training.
    n_draws_of_images : int, default=2
        Those of images that are too large for covariances; more would take too long.
    floor : float, default=1e-4
        Directions whose variance is less than this share of the largest are whitened
        as if they had that.
    mixtures : MixtureSelection or None, default=None
        Chooses the mixture that draws start from; None starts from linear estimates.
    n_judged : int, default=20
        Draws for each sample held out, by which network and mixture are compared.
    most_unknowns : int, default=64
        Models of more are not asked where they lie: all distances are alike there.
    fewest_judged : int, default=100
        Samples held out that are asked for to tell where models lie.
    pilot_share : float, default=1/8
        Share of the passes of a training that tells whether there is something to
        correct in draws of a mixture.
    most_numbers : int, default=2**21
        Of more numbers of models held out, draws are judged on so many.
    no_worse : float, default=1.05
        Draws help up to this ratio of their score to that of the linear estimate plus
        what it leaves of other samples: the hold-out is finite, and some posteriors
        are Gaussian.
    """

    n_draws: int = 4
    n_draws_of_images: int = 2
    floor: float = 1e-4
    mixtures: MixtureSelection | None = None
    n_judged: int = 20
    most_unknowns: int = 64
    fewest_judged: int = 100
    pilot_share: float = 1 / 8
    most_numbers: int = 2**21
    no_worse: float = 1.05
    # Whether answers are draws.
    draws = True

    def prepare(self, network, setting, pairs, generator):
        """Criterion and module, see `MeanObjective.prepare`."""
        if not setting.has_covariances:
            return EnergyScore(), Draws(network, self.n_draws_of_images, generator)
        B, X = pairs.of(pairs.seen)
        units = setting.units
        left = X.map(
            lambda x, b: units.answers(x) - units.answers(setting.linear(b)), B
        )
        whitening = to_tensor(whitening_of(left, self.floor), dtype=np.float32)
        starts = starts_of(setting, network)
        starts = None if starts is None else starts.float()
        return EnergyScore(whitening), Draws(network, self.n_draws, generator, starts)

    def judge(self, inverse, result, criterion, pairs):
        """Judge an inverse by scores and where draws lie, see `MeanObjective.judge`.

        The network's draws are kept where their score is better than that of the
        draws they start from by two standard errors, and no more of them lie far from
        all models.
        """
        B, X = self._judged_on(pairs)
        finite = np.ones(len(B), dtype=bool)
        support = self._support(inverse, pairs)
        if inverse.starts is None:
            # Without a check, no draws of images are made for it.
            draws = support and inverse.sample(B, self.n_draws).models
            outside = self._outside(inverse, draws, support, B)
            score = result.best_loss
        else:
            inverse, score, outside = self._better(inverse, criterion, support, B, X)
        peer = self._score_of_linear(criterion, inverse.setting, B, X)
        return Judged(inverse, score <= self.no_worse * peer, finite, outside)

    def _judged_on(self, pairs):
        """Data and models held out, in memory."""
        most = max(self.fewest_judged, self.most_numbers // pairs.X.shape[1])
        return [rows.spread(most)[:] for rows in pairs.of(pairs.held_out)]

    def _support(self, inverse, pairs):
        """Where models lie; None where too few are held out, or too large, to tell."""
        n_unknowns = pairs.X.shape[1]
        applies = inverse.setting.has_covariances and n_unknowns <= self.most_unknowns
        if not applies or pairs.held_out.sum() < self.fewest_judged:
            return None
        setting = inverse.setting
        sizes = setting.units.sizes
        return Support.of(pairs.of_scaled(sizes), setting.linear.of_scaled(sizes))

    def _outside(self, inverse, draws, support, B):
        """How many times as many draws lie far from models as should; 1 by chance."""
        if support is None:
            return 1.0
        share = support.share_outside(B, draws / inverse.setting.units.sizes)
        return max(share - 2 * support.chance, support.expected) / support.expected

    def gains(self, inverse, criterion, pairs):
        """Whether a network's draws score better than those of the mixture alone.

        After a short training, that is whether a long one may pay.
        """
        if inverse.starts is None:
            return True
        before, after = self._scores(inverse, criterion, *self._judged_on(pairs))
        return bool(after.mean() < before.mean())

    def _better(self, inverse, criterion, support, B, X):
        """Whether to correct draws of the mixture, the mean score, and `_outside`."""
        both = _with_and_without(inverse)
        scores = self._scores(inverse, criterion, B, X)
        outside = [
            self._outside(one, one.sample(B, self.n_draws).models, support, B)
            for one in both
        ]
        gain = scores[0] - scores[1]
        is_better = gain.mean() > 2 * gain.std() / np.sqrt(len(gain))
        k = int(is_better and outside[1] <= outside[0])
        return both[k], scores[k].mean(), outside[k]

    def _scores(self, inverse, criterion, B, X):
        """Scores of draws for each data, without the network's correction and with."""
        answers = to_tensor(inverse.setting.units.answers(X))
        criterion, scores = criterion.cpu().double(), []
        for one in _with_and_without(inverse):
            draws = one.sample(B, self.n_judged).models
            draws = np.array([one.setting.units.answers(draw) for draw in draws])
            with threads_for(draws.size * self.n_judged):
                score = criterion.of_samples(to_tensor(draws), answers)
            scores.append(score.numpy())
        return scores

    def _score_of_linear(self, criterion, setting, B, X):
        """Score of draws that are linear estimates plus what they leave of others."""
        if len(B) <= self.n_draws:  # too few others
            return np.inf
        answers = setting.units.answers(X)
        linear = setting.units.answers(setting.linear(B))
        left = answers - linear
        draws = [linear + np.roll(left, i, 0) for i in range(1, self.n_draws + 1)]
        criterion = criterion.cpu().double()
        with threads_for(answers.size * answers.shape[1] * self.n_draws):
            return criterion(to_tensor(np.array(draws)), [to_tensor(answers)]).item()


def _with_and_without(inverse):
    """Draws of the mixture as they are, and corrected."""
    return [replace(inverse, correction=0.0), inverse]
