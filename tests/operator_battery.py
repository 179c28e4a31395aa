"""What every linear forward operator must satisfy."""

import pickle

import numpy as np
import skops.io
import torch
from scipy.sparse.linalg import aslinearoperator
from sklearn.base import clone

from skhj.operators import adjoint_mismatch


def check_operator(operator, *, relative_rounding=1e-12, foreign=False, local=False):
    """Adjointness, derivatives to second order, numpy's view and persistence.

    One that is ``foreign`` holds what is not for skops to save, a ``local`` one what
    does not pickle either. All comparisons are relative to the norm of what is
    compared, in double precision; sums of a few thousand terms leave 1e-13.
    """
    M, N = operator.shape
    generator = torch.Generator().manual_seed(0)
    x, r = (
        torch.randn(3, size, dtype=torch.float64, generator=generator)
        for size in (N, M)
    )
    tolerance = {"rtol": 0, "atol": relative_rounding * max(1, _size(operator, x))}
    Ax, Ar = operator.forward(x), operator.adjoint(r)
    assert Ax.shape == (3, M)
    assert Ar.shape == (3, N)
    assert adjoint_mismatch(operator) < relative_rounding

    # The gradient of <A x, r> by x is A^T r, that of <A^T r, x> by r is A x; and the
    # first, as a function of r, has the second as its own.
    x.requires_grad_(), r.requires_grad_()
    (by_x,) = torch.autograd.grad((operator.forward(x) * r).sum(), x, create_graph=True)
    torch.testing.assert_close(by_x, Ar, **tolerance)
    (by_r,) = torch.autograd.grad((by_x * x).sum(), r)
    torch.testing.assert_close(by_r, Ax, **tolerance)
    x, r = x.detach(), r.detach()

    np.testing.assert_allclose(operator @ x.numpy().T, Ax.numpy().T, **tolerance)
    np.testing.assert_allclose(operator.T @ r.numpy().T, Ar.numpy().T, **tolerance)
    np.testing.assert_allclose(operator.H.matvec(r[0].numpy()), Ar[0], **tolerance)
    np.testing.assert_allclose(operator.matvec(x[0].numpy()), Ax[0], **tolerance)
    assert aslinearoperator(operator) is operator

    dense = operator.dense()
    assert dense.shape == (M, N)
    torch.testing.assert_close(x @ dense.T, Ax, **tolerance)
    single = operator.forward(x.float())
    assert single.dtype == torch.float32
    # Rounding of single precision, with room for its accumulation.
    assert (single.double() - Ax).norm() <= 1e-5 * Ax.norm()

    assert clone(operator) is operator
    if local:
        return
    again = pickle.loads(pickle.dumps(operator))
    torch.testing.assert_close(again.forward(x), Ax, rtol=0, atol=0)
    if not foreign:
        dumped = skops.io.dumps(operator)
        types = skops.io.get_untrusted_types(data=dumped)
        assert all(name.startswith(("skhj.", "scipy.sparse.")) for name in types)
        again = skops.io.loads(dumped, trusted=types)
        torch.testing.assert_close(again.forward(x), Ax, rtol=0, atol=0)


def _size(operator, x):
    return float(operator.forward(x).norm() / x.norm())
