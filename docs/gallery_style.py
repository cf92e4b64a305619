"""Set the style of the gallery's figures: colours that people with any colour vision can tell apart, and few frames."""

import matplotlib

# M. Okabe, K. Ito: Color universal design, 2008; the colours of numrnn.inspection.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def reset(gallery_conf, file_name):
    """Set the style before each example, after sphinx-gallery has reset matplotlib."""
    matplotlib.rcParams.update(
        {
            "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": "medium",
            "legend.frameon": False,
        }
    )
