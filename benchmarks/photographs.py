"""Photographs to learn from and to judge, and tables of results on them."""

import matplotlib.image
import numpy as np
from comparison import describe, store_cells, stored_cells
from skimage import data
from skimage.metrics import peak_signal_noise_ratio
from sklearn.datasets import load_sample_images

GREY = (0.299, 0.587, 0.114)


def bundled_photographs():
    """Grey photographs to learn from, and others to judge."""
    china, flower = load_sample_images().images
    train = [china, flower, data.astronaut(), data.chelsea(), data.rocket()]
    test = [data.camera(), data.coffee(), data.coins(), data.moon()]
    return (*([grey(image / 255) for image in images] for images in (train, test)),)


def read_images(folder):
    """Grey images of a folder, by name."""
    paths = sorted(folder.rglob("*.png"))
    return [grey(matplotlib.image.imread(path).astype(float)) for path in paths]


def photographs(parser, arguments):
    """Images of the folders ``--train`` and ``--test``, or those that are bundled."""
    if (arguments.train is None) != (arguments.test is None):
        parser.error("--train and --test belong together")
    if arguments.train is None:
        return bundled_photographs()
    return read_images(arguments.train), read_images(arguments.test)


def grey(image):
    """Grey levels of an image, which may be grey."""
    return image if image.ndim == 2 else image[..., :3] @ GREY


def psnr(clean, image):
    """Peak signal-to-noise ratio of an image clipped to its range, in dB."""
    return float(peak_signal_noise_ratio(clean, image.clip(0, 1), data_range=1))


class PhotographResults:
    """Cells of a JSON file, and the Markdown file written from them.

    A subclass has ``columns``, ``section(cell)``, ``row(cells)`` for the cells of one
    method in a section, and may have ``published(section)``, more rows.

    Parameters
    ----------
    name : str
        Name of the files, without their ends.
    introduction : str
        What the Markdown file says before its tables.
    arguments : argparse.Namespace
        From `comparison.parse`.
    """

    columns = ()
    key = ("section", "method", "seed")

    def __init__(self, name, introduction, arguments):
        arguments.output.mkdir(parents=True, exist_ok=True)
        self.json_file = arguments.output / f"{name}.json"
        self.introduction, self.settings = introduction, describe(arguments)
        stored = stored_cells(self.json_file, self.settings)
        self.cells = {self.key_of(cell): cell for cell in stored}

    def key_of(self, cell):
        """What tells cells apart."""
        return tuple(cell[name] for name in self.key)

    def add(self, cell):
        """Keep a cell, and rewrite both files."""
        self.cells[self.key_of(cell)] = cell
        store_cells(self.json_file, self.settings, list(self.cells.values()))
        self.json_file.with_suffix(".md").write_text(self.markdown())
        print(
            f"{cell['section']}, seed {cell['seed']}: {cell['method']:<32} "
            f"{np.mean(cell['psnr']):.3f} dB  {cell['seconds']:.2f} CPU-s an image",
            flush=True,
        )

    def markdown(self):
        """Write a table for each section: means over images and seeds."""
        text = [self.introduction, f"{self.settings['machine']}\n"]
        text.append(f"    {self.settings['command']}\n")
        for section in self.sections():
            of_section = [c for c in self.cells.values() if c["section"] == section]
            text.append(f"## {section}\n")
            text.append("| " + " | ".join(self.columns) + " |")
            text.append("|" + "---|" * len(self.columns))
            for method in dict.fromkeys(cell["method"] for cell in of_section):
                cells = [cell for cell in of_section if cell["method"] == method]
                text.append("| " + " | ".join(self.row(method, cells)) + " |")
            text += self.published(section)
            text.append("")
        return "\n".join(text)

    def sections(self):
        """Titles of the tables, in their order."""
        return list(dict.fromkeys(cell["section"] for cell in self.cells.values()))

    def row(self, method, cells):
        """Means of the cells of a method, as text."""
        raise NotImplementedError

    def published(self, section):
        """Rows of figures that others published."""
        return []
