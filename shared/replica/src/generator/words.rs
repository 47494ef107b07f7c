//! Words of which names are made. Any likeness to somebody is chance: these are the commonest of each sort.

use super::numbers::Numbers;

const SURNAMES: [&str; 48] = [
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "周", "吴", "徐", "孙", "朱", "马", "胡", "郭", "林",
    "何", "高", "罗", "郑", "梁", "谢", "宋", "唐", "许", "邓", "冯", "韩", "曹", "曾", "彭", "萧", "蔡",
    "潘", "田", "董", "袁", "于", "余", "叶", "蒋", "杜", "苏", "魏", "程", "吕", "丁",
];
const MALE: [&str; 30] = [
    "伟", "强", "军", "勇", "杰", "涛", "明", "超", "刚", "平", "辉", "鹏", "华", "飞", "波", "斌", "浩",
    "磊", "建", "国", "志", "海", "文", "峰", "健", "东", "永", "良", "新", "成",
];
const FEMALE: [&str; 28] = [
    "芳", "娜", "敏", "静", "丽", "艳", "娟", "霞", "燕", "玲", "婷", "雪", "慧", "莹", "洁", "梅", "兰",
    "英", "红", "琴", "云", "萍", "蕾", "倩", "佳", "秀", "珍", "月",
];

/// Names that organizations give themselves.
pub(super) const BRANDS: [&str; 54] = [
    "甬江", "明州", "天一", "四明", "海韵", "晨光", "和风", "青林", "远航", "同心", "博雅", "新芽", "春泥",
    "阳光", "启明", "绿洲", "蓝天", "金桥", "星海", "三江", "东港", "北辰", "南塘", "望湖", "百合", "紫荆",
    "启航", "育才", "弘毅", "致远", "惠民", "康乐", "安和", "爱心", "暖阳", "益民", "乐善", "清源", "凤凰",
    "白鹭", "松竹", "梅园", "丹桂", "翠柏", "江南", "江畔", "山海", "云帆", "新月", "朝阳", "双桥", "清泉",
    "锦绣", "福田",
];

/// A field of work: its code in the dictionary, who supervises it, and what associations, service institutions and
/// foundations of it are called.
pub(super) struct Sector {
    pub(super) code: &'static str,
    pub(super) bureau: &'static str,
    pub(super) associations: &'static [&'static str],
    pub(super) institutions: &'static [&'static str],
    pub(super) foundations: &'static [&'static str],
    /// How many of 100 associations, institutions and foundations work in it.
    pub(super) shares: [usize; 3],
}

const fn sector(
    code: &'static str,
    bureau: &'static str,
    shares: [usize; 3],
    associations: &'static [&'static str],
    institutions: &'static [&'static str],
    foundations: &'static [&'static str],
) -> Sector {
    Sector { code, bureau, associations, institutions, foundations, shares }
}

/// The fields of work that have organizations.
pub(super) const SECTORS: [Sector; 11] = [
    sector(
        "BUSINESS",
        "经济和信息化局",
        [25, 1, 0],
        &[
            "商会",
            "模具行业协会",
            "服装行业协会",
            "电子商务协会",
            "物流行业协会",
            "家电行业协会",
            "紧固件行业协会",
        ],
        &["中小企业服务中心", "产业创新服务中心"],
        &[],
    ),
    sector(
        "SCIENCE",
        "科学技术局",
        [6, 2, 0],
        &["科技创业者协会", "工程学会", "科普研究会"],
        &["新材料研究院", "智能制造研究所"],
        &[],
    ),
    sector(
        "EDUCATION",
        "教育局",
        [6, 46, 25],
        &["教育学会", "家庭教育研究会"],
        &["幼儿园", "培训学校", "艺术培训中心", "早期教育中心", "职业技能培训学校", "成人学校"],
        &["教育基金会", "助学基金会"],
    ),
    sector(
        "HEALTH",
        "卫生健康局",
        [5, 4, 0],
        &["医学会", "养生保健协会"],
        &["护理院", "康复中心", "门诊部"],
        &[],
    ),
    sector(
        "SOCIAL_SERVICE",
        "民政局",
        [15, 32, 65],
        &["志愿者协会", "慈善总会", "老年人协会", "社会工作者协会"],
        &[
            "社会工作服务中心",
            "养老服务中心",
            "居家养老服务站",
            "公益服务中心",
            "家庭综合服务中心",
            "助残服务中心",
        ],
        &["慈善基金会", "公益基金会"],
    ),
    sector(
        "CULTURE",
        "文化和广电旅游体育局",
        [14, 6, 10],
        &["书画研究会", "摄影家协会", "越剧戏迷协会", "茶文化促进会", "收藏家协会", "读书会"],
        &["民间博物馆", "艺术团", "美术馆", "非遗传承中心"],
        &["文化发展基金会"],
    ),
    sector(
        "SPORT",
        "体育局",
        [13, 5, 0],
        &["乒乓球协会", "羽毛球协会", "太极拳协会", "登山协会", "门球协会"],
        &["青少年体育俱乐部", "全民健身中心"],
        &[],
    ),
    sector("ECOLOGY", "生态环境局", [2, 1, 0], &["环境保护协会"], &["垃圾分类服务中心"], &[]),
    sector(
        "LAW",
        "司法局",
        [3, 1, 0],
        &["律师协会", "法律援助促进会"],
        &["人民调解中心", "矛盾调处服务中心"],
        &[],
    ),
    sector(
        "AGRICULTURE",
        "农业农村局",
        [8, 1, 0],
        &["水产养殖协会", "杨梅产业协会", "农产品经纪人协会", "茶叶产业协会"],
        &["农业技术服务中心"],
        &[],
    ),
    sector(
        "OCCUPATION",
        "人力资源和社会保障局",
        [3, 1, 0],
        &["企业家协会", "会计学会", "人力资源协会"],
        &["就业服务中心"],
        &[],
    ),
];

/// Posts at an organization.
pub(super) const POSTS: &[&str] =
    &["工作人员", "教师", "社工", "办公室主任", "副秘书长", "财务", "项目主管", "护理员", "副会长", "理事"];

/// Roads.
pub(super) const ROADS: [&str; 10] =
    ["中山", "人民", "解放", "长春", "环城", "江滨", "学府", "兴业", "文化", "新城"];

/// Somebody's name: 1 a man, 2 a woman, as GB/T 2261.1 has it.
pub(super) fn person_name(sex: u8, numbers: &mut Numbers) -> String {
    let given: &[&str] = if sex == 2 { &FEMALE } else { &MALE };
    let mut name = (*numbers.pick(&SURNAMES)).to_owned();
    name.push_str(given[numbers.below(given.len())]);
    if numbers.chance(720) {
        name.push_str(given[numbers.below(given.len())]);
    }
    name
}

/// A name that an organization gives itself.
pub(super) fn brand(numbers: &mut Numbers) -> String {
    let first = *numbers.pick(&BRANDS);
    let second = if numbers.chance(400) { *numbers.pick(&BRANDS) } else { "" };
    if first == second { first.to_owned() } else { format!("{first}{second}") }
}
