"""README.zh-CN.md is README.zh.md in simplified characters; `make readme` writes it again."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
TRADITIONAL, SIMPLIFIED = ROOT / "README.zh.md", ROOT / "README.zh-CN.md"
# Terms of the field that OpenCC leaves as Taiwan has them.
_TERMS = {
    "信赖区间": "置信区间",
    "音框": "帧",
    "语者": "说话人",
    "标签档": "标签文件",
    "对齐档": "对齐文件",
    "影像": "图像",
    "乱数种子": "随机种子",
    "逐字稿": "文字稿",
    "子指令": "子命令",
    "筛检": "检测",
    "逐位元": "逐比特",
    "正确率": "准确率",
    "表格的一列": "表格的一行",
    "内核": "核心",
    "最小平方法": "最小二乘法",
    "量测": "测量",
    "遗失": "丢失",
    "回报": "上报",
}
_LINKS = ("[简体中文](README.zh-CN.md)", "[繁體中文](README.zh.md)")


def simplified() -> str:
    """The text with the words of the mainland (OpenCC, tw2sp), and a link to the original."""
    from opencc import OpenCC

    here, there = _LINKS
    text = TRADITIONAL.read_text(encoding="utf-8")
    converter = OpenCC("tw2sp")
    parts = [str(converter.convert(part)) for part in text.split(here)]
    for taiwan, mainland in _TERMS.items():
        parts = [part.replace(taiwan, mainland) for part in parts]
    return there.join(parts)


if __name__ == "__main__":
    SIMPLIFIED.write_text(simplified(), encoding="utf-8")
