"""The sentences of the findings in Chinese, each from the same fields as the English one.

By template, as in the modules that make the findings; every number of a sentence is that of the English one.
"""

# ruff: noqa: E501 - Chinese letters count as two

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from optbench.core.status import DIVERGED, ERROR, KILLED, MISSING, TIMEOUT
from optbench.core.words import MOST_NAMES, PLAIN_FACTORS, as_number, number, percent, probability
from optbench.findings.sentences import MOST_SEEDS, interval_after, interval_percent
from optbench.findings.verdicts import (
    BELOW,
    BETTER,
    BETTER_EXACT,
    EQUAL,
    EXACT,
    FAVOURABLE,
    FUTILE,
    IN,
    INSUFFICIENT,
    LEFT_EQUAL,
    RESOLVED,
    UNDECIDED,
    WINNER,
    WORSE,
    WORSE_EXACT,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Fields = Mapping[str, Any]

VERDICTS: Final = {
    BETTER: "更好",
    WORSE: "更差",
    BETTER_EXACT: "更好（精确）",
    WORSE_EXACT: "更差（精确）",
    BELOW: "检测到，但低于阈值",
    UNDECIDED: "尚未判定",
    INSUFFICIENT: "数据不足",
}
STATUSES: Final = {
    DIVERGED.name: "发散",
    ERROR.name: "出错",
    KILLED.name: "被杀死",
    TIMEOUT.name: "超时",
    MISSING.name: "缺失",
}
KINDS: Final = {
    "networks": "网络",
    "linear models": "线性模型",
    "formulas": "公式",
    "own workloads": "自己的任务",
}


def verdict(text: str) -> str:
    """A verdict in Chinese, its margin or its seeds kept."""
    if text.startswith(EQUAL):
        return f"在 {text.removeprefix(EQUAL)} 内相等"
    if text.startswith(f"{UNDECIDED} within "):
        return f"{text.split()[-2]} 个种子之内尚未判定"
    return VERDICTS.get(text, text)


def _names(words: Sequence[str], most: int = MOST_NAMES) -> str:
    """`甲、乙和丙`; the tail counted where there are more than `most`."""
    if len(words) > most:
        return f"{'、'.join(words[: most - 1])} 和另外 {len(words) - most + 1} 个"
    return " 和 ".join(["、".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _n(value: float) -> str:
    return number(round(value))


def _compared(f: Fields, w: Fields, that: str) -> str:
    span = interval_after(f["low"], f["high"])
    if w["scale"] == "difference":
        return f"比{that}相差 {as_number(f['effect'])}{span}"
    return f"是{that}的 {as_number(f['effect'])} 倍{span}"


def _evidence(f: Fields) -> str:
    if f["test"] == EXACT:
        return "精确：没有随机性"
    p = f["p_adjusted"]
    marked = "，探索性" if f.get("exploratory") else ""
    return f"{_n(f['n'])} 个种子" + (f"，校正后 {probability(p)}" if p is not None else "") + marked


def _why_not(f: Fields, w: Fields) -> str:
    if not w["compared"]:
        return "两者都没有有限的损失"
    return f"{_n(f['n'])} 个种子太少，检验至少需要 {w['fewest']} 个"


def _standing(f: Fields, w: Fields, size: str) -> str:
    b = w["b"]
    tail = f"{size}，{_evidence(f)}。{_tied(w)}{_aggregate(w)}"
    if f["verdict"] in FAVOURABLE:
        nearest = f"，其中最接近的是 {b}" if w["better_than"] > 1 else f"，即 {b}"
        return f"它比另外 {w['others']} 个中的 {w['better_than']} 个更好{nearest}：{tail}"
    return f"其次是 {b}，{verdict(f['verdict'])}：{tail}"


def _tied(w: Fields) -> str:
    if not w["tied"]:
        return ""
    few = w["tied"] <= MOST_NAMES
    return f"与它不能区分的：{_names(w['tied_names']) if few else _n(w['tied']) + ' 个'}。"


def _aggregate(w: Fields) -> str:
    parts = []
    if w["diverged"]:
        parts.append(f"{w['workloads']} 个任务中有 {w['diverged']} 个，两者之一有运行没有得到结果")
    if w["untold"]:
        parts.append(f"{w['workloads']} 个任务中有 {w['untold']} 个，运行太少，无法检验")
    return f"注意：{'；'.join(parts)}。" if parts and w["workloads"] > 1 else ""


def _where(w: Fields) -> str:
    return f"在 {_n(w['workloads'])} 个任务上" if w["workloads"] > 1 else f"在 {w['workload']} 上"


# --- what to use -----------------------------------------------------------------------------------------


def _change(ratio: float | str) -> str:
    """`低 25%`, or as a factor where percent would mislead."""
    value = float(ratio)
    if not PLAIN_FACTORS[0] < value < PLAIN_FACTORS[1]:
        return f"{as_number(ratio)} 倍"
    return f"{'低' if value <= 1 else '高'} {percent(abs(1 - value), 2)}"


def _changes(low: float | str, high: float | str) -> str:
    first, last = float(low), float(high)
    if not all(PLAIN_FACTORS[0] < end < PLAIN_FACTORS[1] for end in (first, last)):
        return f"[{as_number(low)}, {as_number(high)}]"
    if (first <= 1) != (last <= 1):
        return f"{_change(low)} 到 {_change(high)}"
    near, far = (high, low) if last <= 1 else (low, high)
    side = "低" if last <= 1 else "高"
    return f"{side} {percent(abs(1 - float(near)), 2)} 到 {percent(abs(1 - float(far)), 2)}"


def _recommendation(f: Fields, w: Fields) -> str:
    where = w["workload"] or f"{_n(w['workloads'])} 个任务合在一起"
    if not w["others"]:
        return f"{where}：只运行了 {w['a']}，没有什么可选。"
    if not w["tested"]:
        return f"{where}：不作推荐，没有一对达到检验所需的 {w['fewest']} 个种子。这些运行中最低的是 {w['a']}{_at(w)}。"
    if not w["told"]:
        return (
            f"{where}：{w['others'] + 1} 个组合中不作推荐，就这些运行而言没有一个比另一个更好。"
            f"最低的是 {w['a']}{_at(w)}。{_cheap(w)}{_mind(w)}"
        )
    return f"{where}：用 {w['a']}{_at(w)}。{_gain(f, w)}{_as_good(w)}{_cheap(w)}{_mind(w)}"


def glance(finding: Fields | None) -> tuple[tuple[str, str], ...]:
    """A recommendation as texts with notes: what to use, at which rate, against the reference, what is as good.

    Args:
        finding: of the template `recommendation`; None where no run has a finite loss.
    """
    if finding is None:
        return ("没有运行有有限的损失", ""), ("–", ""), ("–", ""), ("–", "")
    w, rate = finding["words"], finding["words"]["rate"]
    use = (w["a"], "" if w["told"] or w["others"] else "没有运行别的")
    if not w["told"] and w["others"]:
        why = "没有一个比另一个更好" if w["tested"] else f"少于 {w['fewest']} 个种子"
        use = ("不作推荐", f"{why}；最低：{w['a']}")
    origin = "搜索得到" if rate["tuned"] else "给定" if rate["source"] else "未调参"
    lr = "各用各的" if rate["lr"] is None else as_number(rate["lr"])
    at = (lr, origin + ("，在搜索范围的边缘" if rate["edge"] else ""))
    as_good = ("没有别的", "") if w["tested"] else ("未检验", "")
    if w["tested"] and w["as_good"]:
        as_good = (f"另外 {w['others']} 个中的 {len(w['as_good'])} 个", _names(w["as_good"], 2))
    return use, at, _against(finding, w), as_good


def _against(f: Fields, w: Fields) -> tuple[str, str]:
    if w["reference"] is None:
        return "它就是参照", ""
    if f["effect"] is None:
        return "–", ""
    if f["test"] == EXACT:
        return _change(f["effect"]), "精确"
    span = "" if None in (f["low"], f["high"]) else f"{_changes(f['low'], f['high'])}；"
    return _change(f["effect"]), f"{span}{_n(f['n'])} 个种子中的 {w['wins']} 个"


def _at(w: Fields) -> str:
    rate = w["rate"]
    value = f"，学习率 {as_number(rate['lr'])}" if rate["lr"] is not None else "，每个任务用自己的学习率"
    if rate["tuned"]:
        return f"{value}，用 {rate['tuning_seeds']} 个调参种子搜索得到"
    return f"{value}（{rate['source'] or '未调参：给定的，没有搜索'}）"


def _gain(f: Fields, w: Fields) -> str:
    better = f"比另外 {w['others']} 个中的 {w['better_than']} 个更好"
    if w["reference"] is None:
        return f"它就是参照本身，{better}。"
    if f["effect"] is None:
        return f"它{better}。"
    value = float(f["effect"])
    plain = PLAIN_FACTORS[0] < value < PLAIN_FACTORS[1]
    against = f"参照 {w['reference']}"
    size = (
        f"它的损失比{against} {_change(value)}" if plain else f"它的损失是{against} 的 {_change(f['effect'])}"
    )
    if f["test"] == EXACT:
        return f"{size}（{verdict(f['verdict'])}）：没有随机性，一次运行就够了。"
    seeds = f"{_n(f['n'])} 个种子中有 {w['wins']} 个更低"
    p = "" if f["p_adjusted"] is None else f"，校正后 {probability(f['p_adjusted'])}"
    span = "" if f["low"] is None or f["high"] is None else f"（95%：{_changes(f['low'], f['high'])}）"
    return f"{size}{span}，{seeds}（{verdict(f['verdict'])}{p}）。"


def _as_good(w: Fields) -> str:
    if not w["as_good"]:
        return f"没有别的同样好：它比另外 {w['others']} 个中的 {w['better_than']} 个更好。"
    return f"就这些运行而言同样好的：{_names(w['as_good'])}。"


def _cheap(w: Fields) -> str:
    if not w["cheaper"]:
        return ""
    return f"其中更便宜的：{w['cheaper']['name']}，每步时间的 {percent(w['cheaper']['share'], 2)}。"


def _mind(w: Fields) -> str:
    parts = []
    ok, runs = w["ended"]
    if ok < runs:
        parts.append(f"它的 {_n(runs)} 次运行中有 {runs - ok} 次没有得到结果")
    parts += [f"在 {workload} 上 {name} 更好" for workload, name in w["beaten_on"][:MOST_NAMES]]
    if w["rate"]["edge"]:
        parts.append("它的学习率在搜索范围的边缘")
    if w["left_out"]:
        parts.append(f"{_n(w['left_out'])} 个组合没有在所有这些任务上运行")
    if w["tuning_share"]:
        parts.append(f"区间的 {percent(w['tuning_share'], 2)} 来自换一次调参可能带来的变化")
    return f"不可盲目相信：{'；'.join(parts)}。" if parts else ""


# --- main effects and schedules --------------------------------------------------------------------------


def _effect(f: Fields, w: Fields) -> str:
    pairs = "任务与优化器" if w["what"] == "schedule" else "任务与调度"
    over = f"{_n(w['workloads'])} 个任务上 {_n(w['parts'])} 对{pairs}"
    start = f"用 {w['name']} 代替 {w['against']}"
    if f["verdict"] == INSUFFICIENT:
        return f"{start}，{over}：数据不足（{_n(f['n'])} 个种子太少，检验至少需要 {w['fewest']} 个）。"
    tail = f"（{over}；{_evidence(f)}）。{_differs(w)}{_effect_mind(w)}"
    if f["verdict"] in (*RESOLVED, BELOW):
        below = "，小于研究的阈值" if f["verdict"] == BELOW else ""
        same = max(w["wins"], w["defeats"])
        seeds = "，每个种子都如此" if same == f["n"] else f"，{_n(f['n'])} 个种子中有 {same} 个如此"
        return f"{start} {_effect_size(f)}{below}{seeds}{tail}"
    return f"{start} 对损失的作用{verdict(f['verdict'])}：{_ratio(f)}{tail}"


def _ratio(f: Fields) -> str:
    return f"{as_number(f['effect'])} 倍 [{as_number(f['low'])}, {as_number(f['high'])}]"


def _effect_size(f: Fields) -> str:
    effect, low, high = f["effect"], f["low"], f["high"]
    verb = "使损失降低" if float(effect) < 1 else "使损失升高"
    if any(isinstance(end, str) or end is None for end in (effect, low, high)) or not 0.1 < effect < 10:  # noqa: PLR2004 - an order of magnitude
        return f"{verb}：{_ratio(f)}"
    ends = sorted(abs(1 - end) for end in (low, high))
    return f"{verb} {percent(abs(1 - effect), 2)} [{percent(ends[0], 2)}, {percent(ends[1], 2)}]"


def _differs(w: Fields) -> str:
    if len(w["kinds"]) > 1:
        kinds = [
            f"{KINDS.get(one['kind'], one['kind'])} {as_number(one['effect'])} 倍（{verdict(one['verdict'])}）"
            for one in w["kinds"]
        ]
        return f"按种类：{'，'.join(kinds)}。"
    if len(w["ends"]) > 1 and w["ends"][0]["workload"] != w["ends"][1]["workload"]:
        low, high = (f"{end['workload']} 上的 {as_number(end['effect'])} 倍" for end in w["ends"])
        return f"各任务不同：从 {low} 到 {high}。"
    return ""


def _effect_mind(w: Fields) -> str:
    parts = []
    if w["diverged"]:
        parts.append(f"{_n(w['diverged'])} 个任务上有运行没有得到结果")
    if w["untold"]:
        parts.append(f"{_n(w['untold'])} 个任务上运行太少，无法检验")
    if 0 < w["own_rate"] < w["parts"]:
        parts.append(f"{_n(w['parts'])} 对中有 {w['own_rate']} 对各用自己的学习率")
    elif not w["own_rate"]:
        parts.append("两者用同一个学习率，它未必适合两者")
    return f"注意：{'；'.join(parts)}。" if parts else ""


def _schedule(f: Fields, w: Fields) -> str:
    over = f"用 {w['schedule']} 代替 {w['base']}，{_n(w['pairs'])} 对任务与优化器"
    if w["untested"] == w["pairs"]:
        counts = "全都数据不足"
    else:
        counts = f"{w['better']} 对更好，{w['worse']} 对更差，{w['undecided']} 对尚未判定"
        counts += f"，{w['equal']} 对相等" if w["equal"] else ""
        counts += f"，{w['below']} 对检测到但低于阈值" if w["below"] else ""
        counts += f"，{w['untested']} 对数据不足" if w["untested"] else ""
    kind = "最大的变化"
    if f["verdict"] in RESOLVED:
        kind = "最大的收益" if f["verdict"] in FAVOURABLE else "最大的损失"
    size = _compared(f, w, f" {w['base']} 下")
    rates = f"其中 {w['own_rate']} 对各用自己的学习率，其余用同一个，它未必适合两者。"
    if w["own_rate"] == w["pairs"]:
        rates = "每种调度各用自己的学习率。"
    elif not w["own_rate"]:
        rates = "两种调度用同一个学习率，它未必适合两者。"
    return f"{over}：{counts}。{kind}：{w['workload']} 上的 {w['optimizer']}，它的损失{size}，{_evidence(f)}。{rates}"


def _interaction(f: Fields, w: Fields) -> str:
    start = f"{w['schedule']} 帮助谁：{_n(w['pairs'])} 对优化器中，它对 {w['resolved']} 对的作用不同（在同一任务内）"
    if f["verdict"] not in RESOLVED:
        return f"{start}（探索性）。"
    more = "更多" if f["verdict"] in FAVOURABLE else "更少"
    span = interval_after(f["low"], f["high"])
    return (
        f"{start}。最明显的是在 {w['workload']} 上，它对 {w['a']} 的帮助比对 {w['b']} {more}："
        f"两者比值之比为 {as_number(f['effect'])}{span}，{_evidence(f)}。"
    )


def _flip(f: Fields, w: Fields) -> str:
    if not w["flips"]:
        told = f"{_n(w['pairs'])} 对中有 {w['told']} 对可以区分；探索性"
        return f"在预算中途可以区分的次序，到最后没有一个颠倒（{told}）。"
    span = interval_after(f["low"], f["high"])
    return (
        f"在预算中途可以区分的次序中，有 {_n(w['flips'])} 个到最后颠倒了。在 {w['workload']} 的第 {w['step']} 步，"
        f"{w['a']} 的损失是 {w['b']} 的 {as_number(w['half_effect'])} 倍；最后是 {as_number(f['effect'])} 倍"
        f"{span}，{_evidence(f)}。"
    )


def _schedules(_f: Fields, w: Fields) -> str:
    if w["schedules"] == 1:
        return "只运行了一种调度：没有什么可比较。"
    return "没有一个优化器在同一任务的两种调度下都有最终损失：没有什么可比较。"


# --- who leads -------------------------------------------------------------------------------------------


def _leader(f: Fields, w: Fields) -> str:
    size = f"{w['a']} 的损失{_compared(f, w, ' ' + w['b'] + ' ')}"
    if f["verdict"] == INSUFFICIENT:
        start = f"{_where(w)}什么也判定不了：{_why_not(f, w)}。"
        return f"{start}这些运行中第一的是 {w['a']}" + (f"：{size}。" if w["compared"] else "。")
    return f"{_where(w)}，{w['a']} 的验证损失最低。{_standing(f, w, size)}"


def _alone(_f: Fields, w: Fields) -> str:
    return f"在 {w['workload']} 上只运行了 {w['a']}：没有什么可比较。"


def _none(_f: Fields, w: Fields) -> str:
    return (
        f"在 {w['workload']} 上没有组合有有限的损失中位数：{_n(w['runs'])} 次运行中有 {w['ok']} 次正常结束。"
    )


LEFT_OUT: Final = {"workload": "任务", "seed": "种子", "optimizer": "优化器", "combination": "组合"}


def _stability(_f: Fields, w: Fields) -> str:
    parts = [
        f"去掉一个{LEFT_OUT.get(kind, kind)}，{of} 次中有 {same} 次" for kind, same, of in w["kinds"] if of
    ]
    return f"{w['a']} 仍居第一：{'；'.join(parts)}。"


def _ranks(f: Fields, w: Fields) -> str:
    if f["verdict"] == INSUFFICIENT:
        return f"{_n(w['workloads'])} 个任务的平均名次不作检验：至少需要 {w['fewest']} 个。"
    differ = "有差别" if f["p_adjusted"] <= w["level"] else "不能区分"
    return (
        f"在 {_n(w['workloads'])} 个任务上平均名次{differ}（Friedman，探索性，{probability(f['p_adjusted'])}）；"
        f"最好的是 {w['a']}，{as_number(w['rank'])}，相差小于 {as_number(w['critical'])} 的名次不能区分。"
    )


def _seeds(f: Fields, w: Fields) -> str:
    needed = w["seeds"]
    enough = (
        f"{MOST_SEEDS} 个以上的种子" if needed is None or needed > MOST_SEEDS else f"约 {_n(needed)} 个种子"
    )
    where = f"在 {w['workload']} 上" if w["workload"] else f"在 {_n(w['workloads'])} 个任务上"
    size = _compared(f, w, f" {w['b']} ")
    return (
        f"要{where}把 {w['a']} 与 {w['b']} 区分开，需要{enough}（以目前的差距，功效 80%：{w['a']} 的损失{size}，"
        f"{_n(f['n'])} 个种子）。"
    )


def _target(f: Fields, w: Fields) -> str:
    start = (
        f"在 {w['workload']} 上，{w['a']} 最早到达目标：中位数 {_n(w['median'])} 步，"
        f"{_n(w['runs'])} 次运行中有 {w['reached']} 次到达"
    )
    if w["b"] is None:
        return f"{start}；没有运行别的。"
    if f["verdict"] == INSUFFICIENT:
        return f"{start}。这不是发现：{_why_not(f, w)}。"
    size = f"{w['a']} 的步数{_compared(f, w, ' ' + w['b'] + ' ')}"
    if f["effect"] == 0 and w["scale"] != "difference":
        size = f"在典型的一对中 {w['b']} 从未到达"
    elif f["effect"] == "inf":
        size = f"在典型的一对中只有 {w['b']} 到达"
    return f"{start}。{_standing(f, w, size)}"


# --- races -----------------------------------------------------------------------------------------------


def _race(f: Fields, w: Fields) -> str:
    looks = f"在 {'、'.join(str(n) for n in w['looks'])} 个种子处检视的竞赛"
    if not w["held"]:
        return f"{looks}：第一次检视的运行还不齐，什么也没有决定。"
    saved = f"所有组合用所有种子需要 {_n(w['at_most'])} 个单元，训练了 {_n(w['cells'])} 个"
    left = f"各任务的 {_n(w['of'])} 个组合中剩下 {w['left']} 个"
    if not w["over"]:
        return f"{looks}尚未结束：{_n(w['held'])} 次检视之后，{left}，{saved}。"
    cut = f"{_n(w['budget'])} 个单元的预算使它结束。" if w["cut"] else ""
    return f"{looks}：{left}，{saved}（{percent(f['effect'], 2)}）。{cut}"


ENDS: Final = {
    WINNER: "是唯一剩下的，在 {n} 个种子之后",
    LEFT_EQUAL: "在 {n} 个种子之后，就要紧的程度而言相等",
    FUTILE: "在 {last} 个种子之内尚未判定：在 {n} 个之后放弃，因为再多也很难分出最好的",
    IN: "在 {last} 个种子之内尚未判定",
}


def _race_on(_f: Fields, w: Fields) -> str:
    end = ENDS[w["state"]].format(n=w["n"], last=w["last"])
    if w["state"] == IN and not w["over"]:
        end = f"在 {_n(w['n'])} 个种子之后仍在竞赛中"
    elif w["state"] == IN and w["cut"]:
        end = f"尚未判定：预算使竞赛在 {_n(w['n'])} 个种子之后结束"
    gone = [f"{n} 个种子处 {many} 个" for n, many in w["gone"]]
    away = f"比别的更差而离开的：{'，'.join(gone)}。" if gone else "没有组合离开。"
    return f"{w['workload']}：{_names(w['left'])} {end}。{away}"


# --- outcomes and behaviour ------------------------------------------------------------------------------


def _completeness(f: Fields, w: Fields) -> str:
    said = []
    for status, many, named, kinds in w["others"]:
        of = _names(named) if kinds <= len(named) else f"{kinds} 个组合，第一个是 {named[0]}"
        said.append(f"；{many} 个{STATUSES.get(status, status)}（{of}）")
    if not said:
        return f"计划的 {_n(f['n'])} 个单元全部正常结束。"
    share = f"计划的 {_n(f['n'])} 个单元中有 {w['ok']} 个正常结束，{percent(f['effect'])}"
    return f"{share}{interval_percent(f['low'], f['high'])}{''.join(said)}。"


def _across(f: Fields, w: Fields) -> str:
    low, high = (
        f"{end['workload']} 上的 {as_number(end['estimate'])}{interval_after(end['low'], end['high'])}"
        for end in w["ends"]
    )
    between = f"相差 {as_number(f['effect'])}{interval_after(f['low'], f['high'])} 倍"
    return f"最取决于任务的是 {w['a']}：它的最终损失与参照之比从 {low} 到 {high}；{between}，{_n(f['n'])} 个种子。"


def _told(f: Fields, w: Fields) -> str:
    if not w["pairs"]:
        return "没有两个有最终损失的组合在同一任务上运行：没有什么可比较。"
    if w["untested"] == w["pairs"]:
        start = f"{_n(w['workloads'])} 个任务上的 {_n(w['pairs'])} 个比较全都数据不足"
    else:
        start = (
            f"{_n(w['workloads'])} 个任务中的 {w['told']} 个上，至少有一个组合比另一个更好："
            f"{_n(w['pairs'])} 个比较中有 {_n(w['resolved'])} 个差别"
        )
    which = "最大的" if w["resolved"] else "这些运行中最大的"
    return (
        f"{start}，按最终验证损失。{which}：在 {w['workload']} 上，{w['a']} 的损失{_compared(f, w, ' ' + w['b'] + ' ')}，"
        f"{_evidence(f)}。"
    )


def _cells(f: Fields, w: Fields) -> str:
    alike = f"{_n(w['alike'])} 个组合的每个种子给出相同的损失"
    if not f["n"]:
        if w["alike"]:
            return f"种子在这里没有影响：{alike}。"
        return f"没有组合有两个最终损失可比较（{_n(w['seeds'])} 个种子）。"
    start = (
        f"从最好的种子到最差的种子，一个组合的最终验证损失相差 {as_number(f['effect'])}"
        f"{interval_after(f['low'], f['high'])} 倍，这是 {_n(f['n'])} 个组合的中位数"
    )
    most = f"；最大的是 {w['name']}，{as_number(w['most'])} 倍" if f["n"] > 1 else ""
    return start + most + (f"；{alike}" if w["alike"] else "") + "。"


def _methods(f: Fields, w: Fields) -> str:
    alike = "它们并非全都以同样方式得到，见下面的说明" if w["mixed"] else "全部由相同的版本在同一种机器上得到"
    covers = ""
    if f["effect"] is not None:
        same = f["low"] == f["high"]
        ends = "" if same or f["low"] is None else f"（{percent(f['low'])} 到 {percent(f['high'])}）"
        covers = f"，中位数的区间因此覆盖 {percent(f['effect'])}{ends}"
    return (
        f"{_n(w['cells'])} 个单元：{_n(w['workloads'])} 个任务，{_n(w['optimizers'])} 个优化器，"
        f"{_n(w['schedules'])} 种调度，{_n(f['n'])} 个种子{covers}；{alike}。"
    )


def _sensitivity(f: Fields, w: Fields) -> str:
    edges = f"{_n(w['searches'])} 个选择中有 {w['edges']} 个在网格的边缘。"
    if not w["ends"]:
        return f"没有一个学习率在每个调参种子上都正常结束。{edges}"
    least, most = (
        f"{'至少 ' if end['open'] else ''}{as_number(end['width'])}（{end['name']}）" for end in w["ends"]
    )
    ends = f"：从 {least} 到 {most}" if f["n"] > 1 else f"：{most}"
    return (
        f"损失与最好相差在 {percent(w['usable'])} 之内的学习率跨 {as_number(f['effect'])} 个数量级"
        f"{interval_after(f['low'], f['high'])}，这是 {_n(f['n'])} 个调过参的组合的中位数{ends}。{edges}"
    )


def _fresh(f: Fields, w: Fields) -> str:
    parts = []
    if f["effect"] is not None:
        ends = f"，从 {as_number(w['least'])} 到 {as_number(w['most'])}" if f["n"] > 1 else ""
        parts.append(
            f"在新的种子上，选中的学习率的损失是调参种子上的 {as_number(f['effect'])} 倍"
            f"{interval_after(f['low'], f['high'])}，这是 {_n(f['n'])} 个选择的中位数{ends}"
        )
    if w["lost"]:
        parts.append(f"{_n(w['searches'])} 个选择中有 {w['lost']} 个，新的运行发散或失败")
    return "；".join(parts) + "。"


def _oscillation(f: Fields, w: Fields) -> str:
    scale = "0 表示互不相关的步子，−1 表示之字形。"
    first = _cosine(w["ends"][0], f["n"])
    if len(w["ends"]) == 1:
        return f"相继的步子：{first}；{scale}"
    return f"步子折返最多的是 {first}，最一致的是 {_cosine(w['ends'][1])}；{scale}"


def _cosine(end: Fields, n: int | None = None) -> str:
    runs = f"，{_n(end['runs'])} 次运行中的 {n} 次" if n is not None else ""
    alone = ""
    if end["excess"] is not None:
        beyond = float(end["excess"])
        side = "高" if beyond > 0 else "低"
        alone = f"，比动量本身带来的{side} {as_number(abs(beyond))}"
    estimate = f"{as_number(end['estimate'])}{interval_after(end['low'], end['high'])}"
    return f"{end['name']}（更新余弦 {estimate}{alone}{runs}）"


def _cost(_f: Fields, w: Fields) -> str:
    ratios = [
        f"{as_number(end['ratio'])}{interval_after(end['low'], end['high'])}（{end['workload']} 上的 "
        f"{end['optimizer']}，{_n(end['rounds'])} 轮）"
        for end in w["ends"]
    ]
    parts = []
    if len(ratios) == 1:
        parts = [f"一步所需的时间是参照的 {ratios[0]} 倍"]
    elif ratios:
        parts = [f"一步所需的时间是参照的 {ratios[0]} 到 {ratios[1]} 倍"]
    elif not w["compared"]:
        parts = ["只对参照本身的步子计了时"]
    if w["noisy"]:
        first = w["noisy"][0]
        more = f"，另有 {len(w['noisy']) - 1} 个" if len(w["noisy"]) > 1 else ""
        parts.append(
            f"{_n(w['workloads'])} 个任务中有 {len(w['noisy'])} 个不给出比值，因为机器太繁忙"
            f"（{first['workload']}：{first['why']}{more}）"
        )
    if w["untimed"]:
        parts.append(f"{_n(w['pairs'])} 对任务与优化器中有 {w['untimed']} 对没有时间")
    return "；".join(parts) + "。"


def _learn(f: Fields, _w: Fields) -> str:
    if not f["n"]:
        return "本研究没有二次函数上的重球法单元，其收敛因子有闭式公式：这里没有实测可与之对照。"
    quartiles = f"（四分位数 {percent(f['low'])} 和 {percent(f['high'])}）" if f["low"] is not None else ""
    return (
        f"在重球法的收敛因子有闭式公式之处，损失每步缩小的因子与预言相差在 {percent(f['effect'])} 之内，"
        f"这是 {_n(f['n'])} 个单元的中位数{quartiles}。"
    )


SENTENCES: Final[Mapping[str, Callable[[Fields, Fields], str]]] = MappingProxyType(
    {
        say.__name__.removeprefix("_"): say
        for say in (
            *(_recommendation, _effect, _schedule, _interaction, _flip, _schedules),
            *(_leader, _alone, _none, _stability, _ranks, _seeds, _target, _race, _race_on),
            *(_completeness, _across, _told, _cells, _methods),
            *(_sensitivity, _fresh, _oscillation, _cost, _learn),
        )
    }
)
"""By template."""


def sentence(finding: Fields) -> str:
    """The claim of a finding in Chinese, from its fields as findings.json has them."""
    return SENTENCES[finding["template"]](finding, finding["words"])
