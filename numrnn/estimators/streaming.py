"""One more step of streams."""

import numpy as np

from numrnn.data.inputs import check_names_of_step
from numrnn.data.next_symbols import check_n_symbols
from numrnn.data.sequences import Sequences
from numrnn.estimators.prepared import predictor_of
from numrnn.estimators.step_state import StepState, check_state, check_step, check_symbol, is_plain_step
from numrnn.estimators.text_inputs import step_symbols
from numrnn.messages import shown


def predict_step(estimator, x, state):
    """Return the prediction of the next step of one or many streams, and the state after it; see
    `BaseRNN.predict_step`.
    """
    predictor = predictor_of(estimator, "cpu")  # it is done before a card has begun
    n_symbols, pooling = estimator._architecture.n_symbols, predictor.network.pooling
    if pooling != "last":
        raise ValueError(
            f"predict_step needs pooling='last', got {shown(pooling)}: a state does not hold what is pooled"
        )
    if is_plain_step(x, state, predictor):
        single, values = True, None if state is None else state.values
    else:
        if estimator._architecture.bidirectional:
            raise ValueError(
                "predict_step needs bidirectional=False: a bidirectional network reads a sequence from its end, too"
            )
        if n_symbols is None:
            check_names_of_step(estimator, x)
            x, single = check_step(x, predictor.network.layout.n_inputs, predictor.dtype)
        else:
            if estimator.vocabulary_ is not None:
                check_n_symbols(estimator.vocabulary_, n_symbols)
                x = step_symbols(x, estimator.vocabulary_)
            x, single = check_symbol(x, n_symbols)
        values = check_state(state, len(x), predictor.state_shape[1], predictor.dtype)
    if single and n_symbols is None:
        prediction, values = predictor.step(x, values, estimator._decode_output)
        return prediction, StepState(values)
    data = Sequences(x, np.arange(len(x) + 1, dtype=np.int64))
    outputs, values = predictor.predict(data, values)
    predictions = estimator._decode_outputs(outputs)
    return predictions[0] if single else predictions, StepState(values)
