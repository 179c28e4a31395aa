"""README's examples run, in the order in which a reader meets them."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
# The one training that takes long.
SHORTER = "network='proximal', max_iter=20, random_state=0"


def test_examples_run():
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.S | re.M)
    code = "\n".join(blocks)
    assert code.count("EmbeddedInverseSolver(A)") == 1
    code = code.replace(
        "EmbeddedInverseSolver(A)", f"EmbeddedInverseSolver(A, {SHORTER})"
    )
    names = {}
    exec(compile(code, str(README), "exec"), names)
    assert names["est"].predict(names["B"][1500:]).shape == (297, 64)
    assert (names["lower"] <= names["upper"]).all()
    assert names["models"].shape == names["X_known"].shape
