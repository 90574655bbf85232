"""The clause of the duty, with a mark on how far its wording was verified."""

from collections.abc import Mapping

CLAUSE: Mapping[str, str] = {
    "name": "Interim Measures for the Management of Generative Artificial Intelligence Services"
    " (生成式人工智能服务管理暂行办法), in force 2023-08-15",
    "article": "Art. 4(2)",
    "zh": "在算法设计、训练数据选择、模型生成和优化、提供服务等过程中，"
    "采取有效措施防止产生民族、信仰、国别、地域、性别、年龄、职业、健康等歧视。",
    "en": "In the course of algorithm design, training-data selection, model generation and optimisation,"
    " and service provision, take effective measures to prevent discrimination on grounds such as"
    " ethnicity, belief, nationality (country), region, gender, age, occupation and health.",
    "mark": "wording seen in a stored copy of the instrument; the translation is ours;"
    " check against the official text",
    "statement": "This is evidence on outputs, for two of the four stages that the article names. It is"
    " no statement of compliance with Art. 4: it says which disparity above the declared margin was"
    " or was not shown, at this error rate.",
}
"""`mark` is printed wherever the wording is."""
