"""The built-in optimizers as data: what stands behind each name that a study may list.

An entry's `lr` is its own learning rate, used where a study tunes none. Where two entries differ in how
momentum accumulates, their rates are chosen so that both move at one speed under a constant gradient
(`lr / (1 - momentum)`), since a comparison at one common rate is a comparison of two step sizes.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from optbench.core.specs import OptimizerSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPECS = (
    # Robbins and Monro 1951, doi:10.1214/aoms/1177729586
    OptimizerSpec(name="sgd", factory="torch.optim:SGD", lr=0.1, label="SGD"),
    # Polyak 1964, doi:10.1016/0041-5553(64)90137-5, as torch writes it (the velocity holds the gradient)
    OptimizerSpec(
        name="heavy_ball",
        factory="torch.optim:SGD",
        lr=0.01,
        settings={"momentum": 0.9},
        label="Heavy ball",
    ),
    # The same, hand-written: v <- b v + g; w <- w - lr v
    OptimizerSpec(
        name="heavy_ball_gradient",
        factory="optbench.catalogue.optimizers.momentum:HeavyBallGradient",
        lr=0.01,
        settings={"momentum": 0.9},
        label="Heavy ball, gradient form",
    ),
    # Sutskever et al. 2013 (PMLR 28(3), pages 1139-1147): v <- b v + lr g; w <- w - v. It differs from the
    # gradient form as soon as a schedule moves the learning rate.
    OptimizerSpec(
        name="heavy_ball_step",
        factory="optbench.catalogue.optimizers.momentum:HeavyBallStep",
        lr=0.01,
        settings={"momentum": 0.9},
        label="Heavy ball, step form",
    ),
    # v <- b v + (1 - b) g; w <- w - lr v: heavy ball at lr (1 - b), hence ten times heavy ball's rate
    OptimizerSpec(
        name="heavy_ball_averaged",
        factory="optbench.catalogue.optimizers.momentum:HeavyBallAveraged",
        lr=0.1,
        settings={"momentum": 0.9},
        label="Heavy ball, averaged form",
    ),
    # Nesterov 1983 (Soviet Mathematics Doklady 27, pages 372-376), in the form of Sutskever et al. 2013
    OptimizerSpec(
        name="nesterov",
        factory="torch.optim:SGD",
        lr=0.01,
        settings={"momentum": 0.9, "nesterov": True},
        label="Nesterov",
    ),
    # Duchi, Hazan and Singer 2011 (JMLR 12, pages 2121-2159)
    OptimizerSpec(name="adagrad", factory="torch.optim:Adagrad", lr=0.01, label="Adagrad"),
    # Hinton 2012, Neural Networks for Machine Learning, lecture 6e
    OptimizerSpec(name="rmsprop", factory="torch.optim:RMSprop", lr=0.001, label="RMSprop"),
    # With momentum: Graves 2013, arXiv 1308.0850; a tenth of RMSprop's rate, for the same speed
    OptimizerSpec(
        name="rmsprop_momentum",
        factory="torch.optim:RMSprop",
        lr=0.0001,
        settings={"momentum": 0.9},
        label="RMSprop with momentum",
    ),
    # Zeiler 2012, arXiv 1212.5701; the paper has no learning rate, which is lr = 1
    OptimizerSpec(name="adadelta", factory="torch.optim:Adadelta", lr=1.0, label="Adadelta"),
    # Kingma and Ba 2014, arXiv 1412.6980
    OptimizerSpec(name="adam", factory="torch.optim:Adam", lr=0.001, label="Adam"),
    # Loshchilov and Hutter 2017, arXiv 1711.05101
    OptimizerSpec(
        name="adamw",
        factory="torch.optim:AdamW",
        lr=0.001,
        settings={"weight_decay": 0.01},
        label="AdamW",
    ),
    # Dozat 2016, ICLR workshop, openreview OM0jvwB8jIp57ZJjtNEZ
    OptimizerSpec(name="nadam", factory="torch.optim:NAdam", lr=0.002, label="NAdam"),
    # Liu et al. 2019, arXiv 1908.03265
    OptimizerSpec(name="radam", factory="torch.optim:RAdam", lr=0.001, label="RAdam"),
    # Kingma and Ba 2014, arXiv 1412.6980, section 7.1
    OptimizerSpec(name="adamax", factory="torch.optim:Adamax", lr=0.002, label="Adamax"),
    # Chen et al. 2023, arXiv 2302.06675. They advise a rate 3 to 10 times below AdamW's and as much more
    # weight decay, so that lr * weight_decay stays what it was.
    OptimizerSpec(
        name="lion",
        factory="optbench.catalogue.optimizers.lion:Lion",
        lr=0.0001,
        settings={"betas": [0.9, 0.99], "weight_decay": 0.1},
        label="Lion",
    ),
    # Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/; its matrix updates scaled to AdamW's
    # size (Liu et al. 2025, arXiv 2502.16982), so that one learning rate serves matrices and the rest.
    OptimizerSpec(
        name="muon",
        factory="optbench.catalogue.optimizers.muon:MuonWithAdamW",
        lr=0.001,
        settings={"momentum": 0.95, "weight_decay": 0.01},
        label="Muon",
    ),
    # Liu and Nocedal 1989, doi:10.1007/BF01589116. A method for deterministic losses: on mini-batches its
    # curvature pairs mix batches. One step is up to 4 iterations with a line search, some 5 evaluations of
    # the gradient where others take one: compare it by time, not by steps.
    OptimizerSpec(
        name="lbfgs",
        factory="torch.optim:LBFGS",
        lr=1.0,
        settings={"max_iter": 4, "history_size": 10, "line_search_fn": "strong_wolfe"},
        label="L-BFGS",
    ),
)

OPTIMIZERS: Mapping[str, OptimizerSpec] = MappingProxyType({spec.name: spec for spec in _SPECS})
"""Name -> built-in optimizer, in the order in which the page lists them."""
