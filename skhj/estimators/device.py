"""Devices: what an estimator's ``device`` means on this machine."""

import torch

__all__ = ["resolve_device", "resolve_device_or_cpu"]


def resolve_device(device):
    """Turn an estimator's ``device`` into a torch.device that exists here.

    Parameters
    ----------
    device : str, torch.device or None
        A device; None takes a CUDA device where there is one, else the CPU.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    ValueError
        If torch does not know the device, or it is not on this machine.
    """
    has_cuda = torch.cuda.is_available()
    if device is None:
        return torch.device("cuda" if has_cuda else "cpu")
    try:
        resolved = torch.device(device)
        torch.zeros(1, dtype=torch.float64, device=resolved).item()
    except (RuntimeError, TypeError, AssertionError) as error:
        raise ValueError(
            "device must be None, 'cpu', or a device that torch finds on this machine "
            f"(CUDA is {'' if has_cuda else 'not '}available), got {device!r}"
        ) from error
    return resolved


def resolve_device_or_cpu(device):
    """Device of a model that is loaded: the CPU where its own is not on this machine.

    Parameters
    ----------
    device : str, torch.device or None
        The estimator's parameter.

    Returns
    -------
    torch.device
        The device.
    """
    try:
        return resolve_device(device)
    except ValueError:
        return torch.device("cpu")
