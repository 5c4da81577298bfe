"""Places in a text, their paths, and names that several places share."""

from __future__ import annotations

from itertools import pairwise

import pytest

from toolkit.places import Place, find_places, stated_place, written


def paths(text: str) -> list[tuple[str, ...]]:
    return [place.path for place in find_places(text)]


@pytest.mark.parametrize(
    ("text", "path", "region"),
    [
        ("上海市", ("上海市",), "上海市"),
        ("江西省的企业", ("江西省",), "江西省"),
        ("内蒙古", ("内蒙古自治区",), "内蒙古自治区"),
        ("成都", ("四川省", "成都市"), "成都市"),
        ("海淀区", ("北京市", "海淀区"), "北京市海淀区"),
        ("海淀", ("北京市", "海淀区"), "北京市海淀区"),
        ("浦东", ("上海市", "浦东新区"), "上海市浦东新区"),
        ("余杭区", ("浙江省", "杭州市", "余杭区"), "杭州市余杭区"),
        ("昆山", ("江苏省", "苏州市", "昆山市"), "昆山市"),
        ("亦庄", ("北京市", "北京经济技术开发区"), "北京经济技术开发区"),
        ("北京经开区", ("北京市", "北京经济技术开发区"), "北京经济技术开发区"),
        ("城市副中心", ("北京市", "通州区"), "北京市通州区"),
        ("中关村", ("北京市",), "北京市"),
        ("雄安新区", ("河北省", "雄安新区"), "雄安新区"),
        ("苏州工业园区", ("江苏省", "苏州市", "苏州工业园区"), "苏州工业园区"),
        ("西安高新区", ("陕西省", "西安市", "西安高新区"), "西安高新区"),
        ("恩施州", ("湖北省", "恩施土家族苗族自治州"), "恩施土家族苗族自治州"),
        ("吉林", ("吉林省",), "吉林省"),
    ],
)
def test_a_name_alone(text: str, path: tuple[str, ...], region: str) -> None:
    assert paths(text)[0] == path
    assert written(path) == region


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("长春市朝阳区", ("吉林省", "长春市", "朝阳区")),
        ("北京朝阳", ("北京市", "朝阳区")),
        ("深圳南山", ("广东省", "深圳市", "南山区")),
        ("南通市通州区", ("江苏省", "南通市", "通州区")),
        ("浙江省宁波市江北区", ("浙江省", "宁波市", "江北区")),
        ("乌海市海南区", ("内蒙古自治区", "乌海市", "海南区")),
    ],
)
def test_the_place_before_settles_a_shared_name(text: str, last: tuple[str, ...]) -> None:
    assert paths(text)[-1] == last


def test_a_shared_name_alone_is_ambiguous_and_context_settles_it() -> None:
    [place] = find_places("朝阳区的企业")
    assert place.ambiguous
    assert ("北京市", "朝阳区") in place.candidates
    [settled] = find_places("朝阳区的企业", context=[("吉林省", "长春市")])
    assert settled.path == ("吉林省", "长春市", "朝阳区")
    assert paths("朝阳区的企业，在北京注册满一年")[0] == ("北京市", "朝阳区")


@pytest.mark.parametrize(
    "text",
    [
        "实现长治久安",
        "长江西路沿线",
        "黄河南岸",
        "加强国际合作",
        "各区、县（市）和县级部门",
        "和平发展",
        "城市区域",
        "阿里云",
        "资源共享",
    ],
)
def test_everyday_words_are_no_places(text: str) -> None:
    assert paths(text) == []


def test_places_stand_where_they_say_and_do_not_overlap() -> None:
    text = "北京市海淀区、上海张江与广东省深圳市前海共建，合肥高新区参加。"
    found = find_places(text)
    assert all(text[p.start : p.end] == p.name for p in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert len(found) == 8


def test_a_place_contains_what_lies_in_it() -> None:
    def place(name: str) -> Place:
        return find_places(name)[-1]

    assert place("北京市").contains(place("海淀区"))
    assert not place("海淀区").contains(place("北京市"))
    assert place("海淀区").overlaps(place("北京市"))
    assert place("北京市").contains(place("亦庄"))
    assert not place("上海市").overlaps(place("浙江省"))
    assert not find_places("朝阳区")[0].contains(place("北京市"))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("云栖岭市促进竹产业办法", ("云栖岭市",)),
        ("望潮市桥西头区人民政府", ("望潮市", "桥西头区")),
        ("中共望潮市委", ("望潮市",)),
        ("临溪县茶园办法", ("临溪县",)),
        ("望潮高新技术产业开发区人才办法", ("望潮高新技术产业开发区",)),
        *(
            (text, ())
            for text in ("促进城市更新办法", "支持园区建设办法", "示范区建设方案", "本市茶园办法", "省科技厅")
        ),
        *(
            (text, ())
            for text in ("上市公司奖励办法", "老旧小区改造办法", "国家高新区办法", "市财政局", "全市茶园办法")
        ),
    ],
)
def test_a_place_that_only_the_title_knows(text: str, path: tuple[str, ...]) -> None:
    assert stated_place(text) == path


def test_places_of_a_corpus_are_found_beside_the_known_ones() -> None:
    found = find_places("望潮的企业迁到杭州", known=[("望潮市", "桥西头区")])
    assert [p.path for p in found] == [("望潮市",), ("浙江省", "杭州市")]
    assert find_places("桥西头区", known=[("望潮市", "桥西头区")])[0].path == ("望潮市", "桥西头区")
