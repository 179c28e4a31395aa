"""Faults of `mutants`: one change of one place each, over all rooms of the library.

Four lines a fault: what is wrong; the module, and the tests that ought to see it; the
text, which is there once; and what takes its place.
"""

MUTANTS = r"""
= sigmoid for tanh in the kernels E(tau)
inverse/unrolled/embedding.py: inverse/unrolled/test_embedding.py
- torch.tanh(times
+ torch.sigmoid(times
= times of the kernels E(tau) reversed
inverse/unrolled/embedding.py: inverse/unrolled/test_embedding.py
- torch.linspace(0, 1,
+ torch.linspace(1, 0,
= times of the unrolled network's potential reversed
inverse/unrolled/network.py: inverse/unrolled/test_unrolled_network.py
- layer / self.n_layers
+ 1 - layer / self.n_layers
= iterates embedded by the kernel of the layer before
inverse/unrolled/network.py: inverse/unrolled/test_unrolled_network.py
- expand(kernels[layer + 1], z)
+ expand(kernels[layer], z)
= no remainder in the literal iteration's start
inverse/unrolled/network.py: estimators/test_literal_iteration.py
- return embedded, torch.zeros_like(start)
+ return start, torch.zeros_like(start)
= factor 1/2 of the misfit
inverse/unrolled/dense_misfit.py: inverse/unrolled/test_unrolled_network.py
- .square().sum(1) / 2
+ .square().sum(1)
= mask of the missing data not applied to residuals
inverse/unrolled/masked_misfit.py: inverse/unrolled/test_masked_misfit.py
- - self.data.values) * self.data.mask
+ - self.data.values)
= spread of draws counted twice in the energy score
inverse/unrolled/energy_score.py: inverse/unrolled/test_energy_score.py
- draws[second]) / 2
+ draws[second])
= hidden layers' gradient without their slopes
inverse/unrolled/potential.py: inverse/unrolled/test_potential.py
- self._transpose(weight, sensitivity) * slope
+ self._transpose(weight, sensitivity)
= the hold-out trains the unrolled networks
inverse/fit.py: estimators/test_embedded_solver.py -k "held or help"
- seen = ~held_out if
+ seen = held_out | True if
= the hold-out trains the priors
priors/samples.py: estimators/test_hj_prior.py -k trains_nothing
- return ~self.held_out
+ return self.held_out | True
= the hold-out trains the trial networks
inverse/trials.py: inverse/test_trials.py
- return of(seen, B if
+ return of(seen | held_out, B if
= last sample never in a batch
training/net.py: test_training.py
- order = torch.randperm(n_samples,
+ order = torch.randperm(n_samples - 1,
= weights not projected after a step
training/net.py: test_training.py
- self.project()
+ pass
= the first weights kept, not the best
training/trainer.py: test_training.py
- if loss <= (1 + self.tolerance) * self.smallest
+ if loss >= (1 + self.tolerance) * self.smallest
= sign of the potential's value
hamilton_jacobi.py: test_hamilton_jacobi.py
- half_squared_norm(X) - t * S
+ half_squared_norm(X) + t * S
= time of the prior at the prox
hamilton_jacobi.py: test_hamilton_jacobi.py
- S - half_squared_norm(X - P) / t
+ S - half_squared_norm(X - P) * t
= last row left out of the blocks
numerics/blocks.py: numerics/test_blocks.py
- range(0, n_rows, height)
+ range(0, n_rows - 1, height)
= covariance of n - 1
numerics/covariance.py: numerics/test_covariance.py
- V.T @ V / len(V)
+ V.T @ V / (len(V) - 1)
= transposed factor of the metric in gradients
numerics/metric.py: estimators/test_metric.py
- (gradient @ self.factor)
+ (gradient @ self.factor.T)
= inverse ratio in conjugate gradients
numerics/conjugate_gradients.py: numerics/test_conjugate_gradients.py
- direction = z + rho / before * direction
+ direction = z + before / rho * direction
= determinants dropped from a mixture's weights
numerics/gaussian_mixture.py: numerics/test_gaussian_mixture.py
- log_weights - log_determinants -
+ log_weights -
= BLAS not limited in a phase of one thread
numerics/threads.py: numerics/test_threads.py -k "not work_alone"
- _BLAS.lower(self)
+ pass
= no second end of a phase that an interrupt cut short
numerics/threads.py: numerics/test_threads.py -k "interrupt"
-     finally:\n        phase.end()\n
+     finally:\n        pass\n
= nonnegative weights of the convex network not projected
priors/convex/icnn.py: priors/convex/test_networks.py
- weight.clamp_(min=0.0)
+ weight.clamp_(min=-1.0)
= curvature of the softplus without its beta
priors/convex/icnn.py: priors/convex/test_networks.py
- sensitivities[layer] * beta[layer] *
+ sensitivities[layer] *
= length missing in standardised gradients
priors/convex/standardisation.py: priors/convex/test_standardisation.py
- (self.length * gradient - base)
+ (gradient - base)
= sign of the envelope between t and earlier times
priors/value_model.py: priors/test_evolve.py
- S - left * hj.half_squared_norm
+ S + left * hj.half_squared_norm
= time missing in the Lax-Oleinik value
priors/envelope/lax_oleinik.py: priors/envelope/test_lax_oleinik.py
- J + hj.half_squared_norm(X - prox) / t
+ J + hj.half_squared_norm(X - prox)
= Hessian of norms of rank above one
priors/envelope/norm_units.py: priors/envelope/test_norm_units.py
- norms[:, :, None] ** 1.5
+ norms[:, :, None]
= factor 1/2 of the min-plus quadratics
priors/min_plus/function.py: priors/min_plus/test_min_plus_function.py
- self.slopes + image / 2
+ self.slopes + image
= fourth moments of the splines' Gram matrix
priors/splines/spline.py: priors/splines/test_spline.py
- m4 / 4 * C
+ m4 / 2 * C
= units of polyhedral gradients
priors/polyhedral/function.py: estimators/test_polyhedral_prior.py
- length / time * self.slopes
+ self.slopes
= derivatives of singular values that turn one way only
priors/sorted/singular_values.py: priors/sorted/test_sorted_norm.py
- differences * (A + transposed) + sums
+ differences * (A + transposed) - sums
= correction of the spectral norm the wrong way
priors/images/spectrum.py: priors/images/test_image_potential.py
- largest / math.cos
+ largest * math.cos
= curvature bound of image priors without the parts' shares
priors/images/certificate.py: priors/images/test_certificate.py
- (concavities * inverse)
+ (concavities * inverse.clamp(max=1))
= concavity added in the profiles of images
priors/images/profiles.py: priors/images/test_image_potential.py
- self.knee) - self.concavity * _huber
+ self.knee) + self.concavity * _huber
= reflection not undone at the far side
priors/images/filters.py: priors/images/test_filters.py
- narrow(axis, size + margin, margin).flip(axis)
+ narrow(axis, size + margin, margin)
= the identity dropped from the adjoint equation
priors/images/bilevel.py: priors/images/test_bilevel.py
- v + hessian(v)
+ hessian(v)
= sign of curvature along characteristics
max_plus/pieces.py: max_plus/test_pieces.py
- pieces.beta / (1 - time * pieces.beta)
+ pieces.beta / (1 + time * pieces.beta)
= indices of later blocks of pieces
max_plus/maximum.py: max_plus/test_pieces.py
- index[b] += block.start
+ index[b] += 0
= factor 1/2 of the semiconcavity test
max_plus/reachability.py: max_plus/test_reachability.py
- squares *= 1 / (2 * t)
+ squares *= 1 / t
= ratios of pairs halved
max_plus/pairs.py: max_plus/test_pairs.py
- np.divide(2, squares
+ np.divide(1, squares
= sign of the strong convexity of samples
max_plus/constants.py: max_plus/test_constants.py
- 1 + t * ratios.row_minimum
+ 1 - t * ratios.row_minimum
= bounds of PQMPrior swapped
estimators/pqm_prior.py: estimators/test_pqm_prior.py -k bounds
- return lower, self._upper_bound(X, self._fitted_time)
+ return self._upper_bound(X, self._fitted_time), lower
= offset of the values dropped from the upper bound
estimators/pqm_prior.py: estimators/test_pqm_prior.py -k bounds
- self.y_offset_ - best.value
+ -best.value
= models not in the user's scale
inverse/units.py: inverse/linear/test_spectral.py inverse/test_setting.py
- return self.sizes * answers
+ return answers
= scale missing in masked inputs
inverse/masking.py: estimators/test_missing_measurements.py
- (B - self.mean) / self.scale
+ (B - self.mean)
= conjugate dropped from the Wiener filter
inverse/linear/spectral.py: inverse/linear/test_spectral.py
- t.conj() * s
+ t * s
= noise dropped from the linear estimate
inverse/linear/dense.py: inverse/linear/test_dense.py
- A @ CA + _shrunk(covariance(noise), shrinkage)
+ A @ CA + 1e-9 * np.eye(len(CA.T))
= noise to add taken as a standard deviation
inverse/noise.py: inverse/test_noise.py
- self.size**2 - np.mean
+ self.size - np.mean
= one of the cross terms of what the estimate leaves
inverse/preconditioner.py: inverse/test_preconditioner.py
- C - cross - cross.T + G
+ C - cross + G
= strength dropped from the prox of ADMM
inverse/reconstruction/algorithms.py: estimators/test_prior_inverse_solver.py -k lasso
- prior.prox(x, strength * time)
+ prior.prox(x, time)
= adjoint of a matrix without the transpose
operators/matrices.py: operators/test_operators.py
- _times_rows(self._copy_like(r).T, r)
+ _times_rows(self._copy_like(r), r)
= gradient of an operator not its adjoint
operators/base.py: operators/test_operators.py
- ctx.operator, not ctx.transposed)
+ ctx.operator, ctx.transposed)
= Fourier transform over the wrong axis
operators/sampling.py: operators/test_sampling.py
- range(1, 1 + len(self.image_shape))
+ range(0, len(self.image_shape))
= rays weighted in one direction alone
operators/tomography.py: operators/test_tomography.py
- (1 - np.abs(y - i)) * (1 - np.abs(x - j))
+ (1 - np.abs(y - i))
= factor 3 of the dipole
operators/magnetics.py: operators/test_blur_and_magnetics.py
- (3 * product
+ (2 * product
= backward prior of -|x|_1 without its constant
problems/separable.py: test_problems.py
- -_huber(X, t).sum(axis=1) - X.shape[1] * t / 2
+ -_huber(X, t).sum(axis=1)
= noise taken for its variance in the duathlon
datasets/duathlon.py: datasets/test_datasets.py
- [[noise**2]]
+ [[noise]]
= time missing in the torch gradient of the value
adaptors/torch_prior.py: adaptors/test_torch_prior.py
- ctx.est, None)) / ctx.t)
+ ctx.est, None)))
= errors of layers summed
inspection/convergence.py: inspection/test_convergence.py
- np.mean((iterate
+ np.sum((iterate
"""
