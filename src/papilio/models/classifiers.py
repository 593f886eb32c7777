"""Classifiers: the multilayer perceptron, a plain stack of convolutions, and LeNet-5."""

from __future__ import annotations

from papilio.models import plans
from papilio.models.modules import builder, classifier

mlp = builder(classifier, plans.mlp, module=__name__)
cnn = builder(classifier, plans.cnn, module=__name__)
lenet5 = builder(classifier, plans.lenet5, module=__name__)
