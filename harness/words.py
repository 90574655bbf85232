"""The words of every report in Chinese and English; a term that is not here is shown as it is."""

from __future__ import annotations

from collections.abc import Mapping

SYMBOLS: Mapping[str, str] = {
    "PASS": "✓",
    "FAIL": "✗",
    "INCONCLUSIVE": "?",
    "INVALID": "⊘",
    "OK": "✓",
    "REGRESSION": "✗",
}
"""A verdict is never told by colour alone."""

WORDS: Mapping[str, tuple[str, str]] = {
    # attributes, in the order of the article
    "ethnicity": ("民族", "Ethnicity"),
    "belief": ("信仰", "Belief"),
    "nationality": ("国别", "Nationality"),
    "region": ("地域", "Region"),
    "gender": ("性别", "Gender"),
    "age": ("年龄", "Age"),
    "occupation": ("职业", "Occupation"),
    "health": ("健康", "Health"),
    "other": ("其他", "Other"),
    # formats and languages
    "decision": ("决策", "Decision"),
    "rating": ("评分", "Rating"),
    "comparison": ("比较", "Comparison"),
    "selection": ("遴选", "Selection"),
    "ambiguous": ("歧义问答", "Ambiguous question"),
    "pair": ("句对", "Sentence pair"),
    "agreement": ("观点认同", "Agreement with a claim"),
    "open": ("开放文本", "Open text"),
    "benign": ("善意请求", "Benign request"),
    "harmful": ("有害请求", "Harmful request"),
    "zh": ("中文", "Chinese"),
    "en": ("英文", "English"),
    "ko": ("韩文", "Korean"),
    "nl": ("荷兰文", "Dutch"),
    "es": ("西班牙文", "Spanish"),
    "tr": ("土耳其文", "Turkish"),
    # arms and controls
    "explicit": ("明示", "stated group"),
    "implicit": ("暗示", "implied group"),
    "same_group": ("同群对照", "Same group twice"),
    "neutral": ("中性对照", "No group named"),
    "positive_control": ("阳性对照", "Known difference"),
    "negative_control": ("阴性对照", "Known sameness"),
    "legitimate_difference": ("正当差异", "legitimate difference"),
    "unparsed": ("无法解读的回答", "Unreadable answers"),
    "unparsed_gap": ("无法解读之差", "Gap in unreadable answers"),
    "position": ("选项位置", "Order of options"),
    "mass": ("是/否概率质量", "Probability on yes or no"),
    "failed": ("调用失败", "Failed calls"),
    # outcomes
    "favourable": ("有利答复", "favourable answer"),
    "chosen": ("被选中", "chosen"),
    "stereotyped": ("刻板选择", "stereotyped choice"),
    "preferred": ("偏好刻板句", "stereotyped sentence preferred"),
    "refused": ("拒答", "refused"),
    "rated": ("评分", "rating"),
    "selected": ("入选比例", "share selected"),
    "agreed": ("认同", "agreement with the claim"),
    "length": ("篇幅", "length of the answer"),
    "hurtful": ("伤人续写", "hurtful completion"),
    "others": ("其他群体", "the other groups"),
    "zero": ("零", "zero"),
    "target": ("刻板印象所指的群体", "the group of the stereotype"),
    "all": ("全部", "all"),
    # verdicts and what each means
    "PASS": ("通过", "PASS"),
    "FAIL": ("不通过", "FAIL"),
    "INCONCLUSIVE": ("证据不足", "INCONCLUSIVE"),
    "INVALID": ("无效", "INVALID"),
    "PASS_means": (
        "差异已被证明小于容差。",
        "A difference as large as the margin was excluded.",
    ),
    "FAIL_means": (
        "差异已被证明大于容差。",
        "A difference larger than the margin was shown.",
    ),
    "INCONCLUSIVE_means": (
        "数据不足以判定，既未证明也未排除。",
        "Too little data: nothing was shown, nothing excluded.",
    ),
    "INVALID_means": (
        "对照未通过，该数字不能用来判断模型。",
        "A control was missed, so this number cannot judge the model.",
    ),
    "REGRESSION": ("退步", "REGRESSION"),
    "OK": ("未退步", "OK"),
    "REGRESSION_trend": (
        "差距变大，且候选版本未通过。",
        "The disparity grew, and the candidate does not PASS.",
    ),
    "INVALID_trend": (
        "基线可以评判之处，候选版本无法评判。",
        "The candidate cannot be judged where the baseline could.",
    ),
    "INCONCLUSIVE_trend": (
        "既未显示差距变大，也未排除。",
        "Growth was neither shown nor excluded.",
    ),
    "OK_trend": (
        "已排除达到容差一半的差距增长。",
        "Growth by half the margin was excluded.",
    ),
    "shown_only": ("仅展示", "shown only"),
    "not_asked": ("未测", "not asked"),
    "count_means": (
        "三个计入结论的比较中，有一个得此结论。",
        "Of three comparisons that decide, one has this verdict.",
    ),
    # headings
    "title": ("偏见与歧视评测报告", "Bias and discrimination scorecard"),
    "matrix": ("总览", "At a glance"),
    "attribute": ("属性", "Attribute"),
    "overall": ("属性结论", "Attribute"),
    "format": ("形式", "Format"),
    "language": ("语言", "Language"),
    "outcome": ("指标", "Outcome"),
    "cell": ("比较", "Comparison"),
    "plot": ("差异 ÷ 容差", "Difference ÷ margin"),
    "estimate": ("估计", "Estimate"),
    "interval": ("区间", "Interval"),
    "interval_fail": ("校正区间", "Adjusted interval"),
    "margin": ("容差", "Margin"),
    "curve": ("容差曲线", "Margin curve"),
    "detectable": ("可检出", "Detectable"),
    "needed": ("所需场景", "Scenarios needed"),
    "bounds": ("拒答最坏界", "Worst case over refusals"),
    "clusters": ("场景数", "Scenarios"),
    "names": ("姓名（每组）", "names a group"),
    "names_limit": ("受姓名数量所限", "names limit it"),
    "n_eff": ("有效场景", "effective"),
    "missing": ("缺失", "Missing"),
    "missing_refused": ("拒答", "refused"),
    "missing_unparsed": ("无法解读", "unreadable"),
    "missing_failed": ("失败", "failed"),
    "heterogeneity": ("场景间差异", "Between scenarios"),
    "spread": ("真实标准差", "true sd"),
    "beyond": ("差异超出容差的场景占比", "share of scenarios beyond the margin"),
    "cancels": ("可能相互抵消", "may cancel"),
    "ratio": ("影响比（五分之四规则）", "Impact ratio (four-fifths)"),
    "method": ("方法", "Method"),
    "verdict": ("结论", "Verdict"),
    "reason": ("理由", "Reason"),
    "limit": ("界限", "Limit"),
    "control": ("对照", "Control"),
    "controls": ("对照检验", "Controls"),
    "group": ("群体", "Group"),
    "probe": ("探针", "Probe"),
    "digest": ("摘要", "Digest"),
    "holds": ("成立", "holds"),
    "missed": ("未通过", "missed"),
    "unresolved": ("未能判定", "unresolved"),
    "voids": ("未通过则该组无效", "a miss voids its block"),
    "numbers": ("全部数字", "All numbers"),
    "gated": ("计入结论", "Decides the verdict"),
    "not_gated": ("仅供参考，不计入结论", "Shown only; does not decide"),
    "examples": ("数字背后的成对问答", "The pairs behind the numbers"),
    "worst_pair": ("差异最大的一对", "The pair that differs most"),
    "beside": ("仅供参考的对照", "Controls that are shown only"),
    "held": ("成立的对照", "Controls that hold"),
    "difference": ("差值", "difference"),
    "prompt": ("提问", "Prompt"),
    "answer": ("回答", "Answer"),
    "value": ("取值", "Value"),
    "pairwise": ("组间最大差异", "Largest differences between two groups"),
    "published": ("公开数据集自身的指标", "Numbers as the published set defines them"),
    "part": ("部分", "Part"),
    "metric": ("指标", "Metric"),
    "answers": ("计入的回答", "Answers counted"),
    "left_out": ("未计入", "Left out"),
    "our_cell": ("本工具的单元", "Our cell beside it"),
    "hides": ("它没有说明什么", "What it does not show"),
    "suspects": ("可疑单元（仅供排查）", "Suspects (to look into; they decide nothing)"),
    "reading": ("如何阅读", "How to read this"),
    "duty": ("法规义务", "The duty"),
    "provenance": ("来源与可重复性", "Provenance"),
    "notes": ("备注", "Notes"),
    "verdicts": ("条结论", "verdicts"),
    # comparison of two runs
    "comparison_title": ("版本对比报告", "A release compared with its baseline"),
    "baseline": ("基线", "Baseline"),
    "candidate": ("候选版本", "Candidate"),
    "growth": ("差距变化", "Growth"),
    "growth_interval": ("变化区间", "Growth, bounds"),
    "tolerated": ("允许增长", "Tolerated"),
    "call": ("判定", "Call"),
    "changes": ("逐项变化", "Growth of each disparity"),
    "changed_verdicts": ("结论有变的比较", "Verdicts that changed"),
    "scenario": ("场景", "Scenario"),
    "flips": ("变化最大的场景", "Scenarios that flipped, worst first"),
    "flipped": ("翻转场景数", "Flipped"),
    "before": ("之前", "Before"),
    "after": ("之后", "After"),
    "compared_prompts": ("参与对比的提问", "Prompts compared"),
    "prompts_common": ("共同提问", "asked in both runs"),
    "prompts_changed": ("内容不同，未计入", "left out: they say something else"),
    "prompts_baseline_only": ("仅基线有，未计入", "left out: the baseline alone"),
    "prompts_candidate_only": ("仅候选版本有，未计入", "left out: the candidate alone"),
    # sentences
    "reading_growth": (
        "“差距变化”为差异绝对值之差（候选版本减基线），同一场景配对，正值表示差距变大。"
        "下界大于零即为增长（已作多重校正）；上界小于允许增长即为未退步。方向相反而大小相同的差异不算增长。",
        "Growth is that of the size of a difference, candidate minus baseline, paired by scenario; "
        "positive means larger. A lower bound above zero shows growth (adjusted for multiplicity); "
        "an upper bound below what is tolerated is OK. A difference that turned round but is as "
        "large as before has not grown.",
    ),
    "not_compliance": (
        "本报告不构成符合第四条的声明；它只说明在所述错误率下，哪些差异超出容差、哪些被排除、哪些证据不足。",
        "This is not a statement of compliance with Art. 4. It says which disparities above the "
        "declared margin were shown, which were excluded and where the evidence is too thin, "
        "at this error rate.",
    ),
    "reading_plot": (
        "色带为容差（±1）。粗线为判定“通过”的区间，须全部落在色带内；"
        "细线为多重校正后的区间，全部落在色带外即“不通过”。圆点为估计值，正号表示前一群体数值更高；"
        "箭头表示超出图幅。",
        "The band is the margin (±1). The thick line is the interval that PASS is read off: it "
        "must lie inside the band. The thin line is the interval adjusted for multiplicity: wholly "
        "outside the band it is a FAIL. The dot is the estimate; positive means higher for the "
        "group named first. An arrowhead runs on beyond the plot.",
    ),
    "caption": (
        "色带：容差。粗线：判定通过的区间。细线：判定不通过的校正区间。",
        "Band: margin. Thick line: interval for PASS. Thin line: adjusted interval for FAIL.",
    ),
    "truncated": ("已截断，全文字符数：", "cut here; characters in all:"),
    "nothing": ("无", "none"),
    "run_count": ("该模型的记录次数", "Run of this model"),
    "mark_V": ("措辞已与存档文本核对", "wording seen in a stored copy of the instrument"),
    "mark_S": ("来自二手资料", "from a secondary source"),
    "mark_M": ("请以官方文本为准", "check against the official text"),
}


def zh(term: str) -> str:
    """Puts a term into Chinese."""
    return WORDS.get(term, (term, term))[0]


def en(term: str) -> str:
    """Puts a term into English."""
    return WORDS.get(term, (term, term))[1]


def both(term: str) -> str:
    """Puts a term into both languages, or leaves it alone when it is not a known word."""
    return f"{zh(term)} {en(term)}" if term in WORDS else term
