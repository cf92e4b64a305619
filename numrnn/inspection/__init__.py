"""Show and measure what fitted estimators do: figures, attributions, gradients over time and dynamics."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numrnn.inspection.attribution_display import AttributionDisplay as AttributionDisplay
    from numrnn.inspection.attributions import attribute as attribute
    from numrnn.inspection.dynamics import jacobian_singular_values as jacobian_singular_values
    from numrnn.inspection.dynamics import lyapunov_exponents as lyapunov_exponents
    from numrnn.inspection.dynamics import recurrent_eigenvalues as recurrent_eigenvalues
    from numrnn.inspection.gate_display import GateDisplay as GateDisplay
    from numrnn.inspection.gradient_flow_display import GradientFlowDisplay as GradientFlowDisplay
    from numrnn.inspection.gradient_norms import gradient_flow as gradient_flow
    from numrnn.inspection.history_display import TrainingHistoryDisplay as TrainingHistoryDisplay
    from numrnn.inspection.permutation import permutation_importance as permutation_importance
    from numrnn.inspection.spectrum_display import SpectrumDisplay as SpectrumDisplay
    from numrnn.inspection.state_display import HiddenStateDisplay as HiddenStateDisplay
    from numrnn.inspection.states import gate_saturation as gate_saturation
    from numrnn.inspection.states import gate_values as gate_values
    from numrnn.inspection.states import hidden_states as hidden_states
    from numrnn.inspection.unfolded_display import UnfoldedDisplay as UnfoldedDisplay

_MODULE_OF = {
    "AttributionDisplay": "attribution_display",
    "GateDisplay": "gate_display",
    "GradientFlowDisplay": "gradient_flow_display",
    "HiddenStateDisplay": "state_display",
    "SpectrumDisplay": "spectrum_display",
    "TrainingHistoryDisplay": "history_display",
    "UnfoldedDisplay": "unfolded_display",
    "attribute": "attributions",
    "gate_saturation": "states",
    "gate_values": "states",
    "gradient_flow": "gradient_norms",
    "hidden_states": "states",
    "jacobian_singular_values": "dynamics",
    "lyapunov_exponents": "dynamics",
    "permutation_importance": "permutation",
    "recurrent_eigenvalues": "dynamics",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name):
    # The command line draws its learning curve without the imports of the estimators.
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'numrnn.inspection' has no attribute {name!r}")
    return getattr(import_module(f"numrnn.inspection.{_MODULE_OF[name]}"), name)
