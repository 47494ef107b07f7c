//! Code tables of people and Party organizations: codes for documents, Chinese labels for people, and the words that
//! lists use for them (DOMAIN 2.4, 2.5).

use crate::model::dictionary::{Code, CodeTable};

pub(super) const fn code(
    code: &'static str,
    label: &'static str,
    label_en: &'static str,
    synonyms: &'static [&'static str],
) -> Code {
    Code { code, label, label_en, synonyms }
}

/// 党组织类别, with the bodies above them.
pub static PARTY_ORG_KINDS: CodeTable = CodeTable {
    label: "党组织类别",
    codes: &[
        code("COMMITTEE", "党委", "committee", &["基层党委", "党的基层委员会"]),
        code("GENERAL_BRANCH", "党总支", "general branch", &["党总支部", "总支"]),
        code("BRANCH", "党支部", "branch", &["支部"]),
        code("JOINT_BRANCH", "联合党支部", "joint branch", &["联合", "联合支部"]),
        code("TEMP_BRANCH", "临时党支部", "temporary branch", &["临时", "临时党组织", "临时支部"]),
        code("FLOATING_BRANCH", "流动党员党支部", "branch of members elsewhere", &["流动党员", "流动党支部"]),
        code("GROUP", "党小组", "group", &["小组"]),
        code("FUNCTIONAL", "功能型党组织", "functional organization", &["功能型", "功能型党支部"]),
        code("WORK_GROUP", "党的工作小组", "work group", &["工作小组", "党的工作组"]),
        code("COMPREHENSIVE", "综合党委", "comprehensive committee", &["社会组织综合党委"]),
        code("INDUSTRY", "行业党委", "industry committee", &["行业党组织"]),
        code("WORK_COMMITTEE", "党工委", "work committee", &["社会组织党工委", "两新工委"]),
    ],
};

/// 人员类别. Only 正式 counts for the rule of three; 预备 does not.
pub static MEMBER_KINDS: CodeTable = CodeTable {
    label: "人员类别",
    codes: &[
        code("FULL", "正式党员", "full member", &["正式"]),
        code("PROB", "预备党员", "probationary member", &["预备"]),
        code("DEV", "发展对象", "candidate", &[]),
        code("ACTIVIST", "入党积极分子", "activist", &["积极分子"]),
        code("APPLICANT", "入党申请人", "applicant", &["申请人"]),
    ],
};

/// 党员状态. People decide them; nothing here changes one by itself.
pub static MEMBER_STATUSES: CodeTable = CodeTable {
    label: "党员状态",
    codes: &[
        code("ACTIVE", "正常", "active", &["在册"]),
        code("OUT_PENDING", "转出未接收", "leaving, not yet received", &["转出中"]),
        code("TRANSFERRED", "已转出", "transferred", &["转出"]),
        code("SUSPENDED", "停止党籍", "suspended", &["停止"]),
        code("LEFT", "已出党", "left", &["出党"]),
        code("DECEASED", "去世", "deceased", &["已故", "死亡"]),
    ],
};

/// 党内职务 of a Party organization's own committee.
pub static POST_ROLES: CodeTable = CodeTable {
    label: "党内职务",
    codes: &[
        code("SECRETARY", "书记", "secretary", &["党委书记", "总支书记", "支部书记"]),
        code("DEPUTY", "副书记", "deputy secretary", &["党委副书记", "支部副书记"]),
        code("ORGANIZATION", "组织委员", "member for organization", &[]),
        code("PUBLICITY", "宣传委员", "member for publicity", &[]),
        code("DISCIPLINE", "纪检委员", "member for discipline", &["纪律检查委员"]),
        code("MEMBER", "委员", "member", &["支委", "支部委员"]),
    ],
};

/// 身份 of who is sent to organizations that cannot have a branch yet.
pub static INSTRUCTOR_ROLES: CodeTable = CodeTable {
    label: "身份",
    codes: &[
        code("INSTRUCTOR", "党建指导员", "instructor", &["指导员"]),
        code("LIAISON", "党建联络员", "liaison", &["联络员"]),
    ],
};

/// 来源 of an instructor: three of N5c, the fourth of N12.
pub static INSTRUCTOR_SOURCES: CodeTable = CodeTable {
    label: "来源",
    codes: &[
        code(
            "RETIRED_POST",
            "退出现职未办退休手续的干部",
            "cadre out of post, not retired",
            &["退出现职干部", "退出现职"],
        ),
        code("YOUNG", "优秀年轻干部", "able young cadre", &["年轻干部"]),
        code(
            "PARTY_ORG",
            "社会组织党组织中选派",
            "sent by an organization's Party body",
            &["社会组织党组织", "社会组织党组织选派"],
        ),
        code("RETIREE", "离退休干部", "retired cadre", &["离退休"]),
    ],
};

/// 状态 of an instructor's assignment.
pub static ASSIGNMENT_STATUSES: CodeTable = CodeTable {
    label: "状态",
    codes: &[
        code("ACTIVE", "联系中", "active", &["在岗", "在任", "有效"]),
        code("ENDED", "已结束", "ended", &["结束", "已终止"]),
    ],
};

/// 层级 of a service center.
pub static CENTER_LEVELS: CodeTable = CodeTable {
    label: "中心层级",
    codes: &[
        code("CITY", "市级", "city", &["市"]),
        code("COUNTY", "区县级", "county", &["区县", "县级", "区级"]),
        code("TOWN", "街道（乡镇）级", "town", &["乡级", "街镇级", "乡镇级", "街道级"]),
    ],
};

/// 状态 of a service center.
pub static CENTER_STATUSES: CodeTable = CodeTable {
    label: "中心状态",
    codes: &[
        code("PLANNED", "筹建", "planned", &["拟建"]),
        code("BUILDING", "在建", "being built", &["建设中"]),
        code("OPEN", "已建成", "open", &["建成", "运行", "启用"]),
        code("CLOSED", "停用", "closed", &["撤销"]),
    ],
};

/// 法人形式 of a service center (N10: 法人化登记).
pub static LEGAL_FORMS: CodeTable = CodeTable {
    label: "法人形式",
    codes: &[
        code("MF", "民办非企业单位", "social service institution", &["社会服务机构", "民非"]),
        code("PUBLIC", "事业单位", "public institution", &[]),
        code("NONE", "未登记法人", "not registered", &["无法人", "未登记"]),
    ],
};

/// 标准化项目 (N10): what a standard center has.
pub static CENTER_CHECKS: CodeTable = CodeTable {
    label: "标准化项目",
    codes: &[
        code("REGISTERED", "法人化登记", "registered as a legal person", &[]),
        code("STAFFED", "实体化运作", "run by its own staff", &[]),
        code("PROJECTS", "项目化发展", "works by projects", &[]),
        code("SIGN", "统一形象标示", "common signs", &["统一标识"]),
        code("LAYOUT", "统一功能布局", "common layout", &["功能布局"]),
    ],
};

/// 性别 (GB/T 2261.1).
pub static SEXES: CodeTable = CodeTable {
    label: "性别",
    codes: &[
        code("1", "男", "male", &["男性"]),
        code("2", "女", "female", &["女性"]),
        code("0", "未知的性别", "unknown", &["未知"]),
        code("9", "未说明的性别", "not stated", &["未说明"]),
    ],
};

/// 学历 (GB/T 4658, coarse).
pub static EDUCATION: CodeTable = CodeTable {
    label: "学历",
    codes: &[
        code("10", "研究生", "postgraduate", &["研究生教育", "硕士", "博士", "硕士研究生", "博士研究生"]),
        code("20", "大学本科", "university", &["本科", "大学本科教育", "大学"]),
        code("30", "大学专科", "college", &["专科", "大专", "大学专科教育"]),
        code("40", "中等职业教育", "vocational school", &["中专", "职高", "技校", "中等专科"]),
        code("60", "普通高级中学", "senior secondary school", &["高中"]),
        code("70", "初级中学", "junior secondary school", &["初中"]),
        code("80", "小学", "primary school", &[]),
        code("90", "其他", "other", &["其它", "文盲", "半文盲"]),
    ],
};

/// 民族 (GB/T 3304).
pub static ETHNICITIES: CodeTable = CodeTable {
    label: "民族",
    codes: &[
        code("01", "汉族", "Han", &["汉"]),
        code("02", "蒙古族", "Mongol", &["蒙古"]),
        code("03", "回族", "Hui", &["回"]),
        code("04", "藏族", "Tibetan", &["藏"]),
        code("05", "维吾尔族", "Uyghur", &["维吾尔"]),
        code("06", "苗族", "Miao", &["苗"]),
        code("07", "彝族", "Yi", &["彝"]),
        code("08", "壮族", "Zhuang", &["壮"]),
        code("09", "布依族", "Buyei", &["布依"]),
        code("10", "朝鲜族", "Korean", &["朝鲜"]),
        code("11", "满族", "Manchu", &["满"]),
        code("12", "侗族", "Dong", &["侗"]),
        code("13", "瑶族", "Yao", &["瑶"]),
        code("14", "白族", "Bai", &["白"]),
        code("15", "土家族", "Tujia", &["土家"]),
        code("16", "哈尼族", "Hani", &["哈尼"]),
        code("17", "哈萨克族", "Kazakh", &["哈萨克"]),
        code("18", "傣族", "Dai", &["傣"]),
        code("19", "黎族", "Li", &["黎"]),
        code("20", "傈僳族", "Lisu", &["傈僳"]),
        code("21", "佤族", "Va", &["佤"]),
        code("22", "畲族", "She", &["畲"]),
        code("23", "高山族", "Gaoshan", &["高山"]),
        code("24", "拉祜族", "Lahu", &["拉祜"]),
        code("25", "水族", "Shui", &["水"]),
        code("26", "东乡族", "Dongxiang", &["东乡"]),
        code("27", "纳西族", "Naxi", &["纳西"]),
        code("28", "景颇族", "Jingpo", &["景颇"]),
        code("29", "柯尔克孜族", "Kirgiz", &["柯尔克孜"]),
        code("30", "土族", "Tu", &["土"]),
        code("31", "达斡尔族", "Daur", &["达斡尔"]),
        code("32", "仫佬族", "Mulao", &["仫佬"]),
        code("33", "羌族", "Qiang", &["羌"]),
        code("34", "布朗族", "Blang", &["布朗"]),
        code("35", "撒拉族", "Salar", &["撒拉"]),
        code("36", "毛南族", "Maonan", &["毛南"]),
        code("37", "仡佬族", "Gelao", &["仡佬"]),
        code("38", "锡伯族", "Xibe", &["锡伯"]),
        code("39", "阿昌族", "Achang", &["阿昌"]),
        code("40", "普米族", "Pumi", &["普米"]),
        code("41", "塔吉克族", "Tajik", &["塔吉克"]),
        code("42", "怒族", "Nu", &["怒"]),
        code("43", "乌孜别克族", "Uzbek", &["乌孜别克"]),
        code("44", "俄罗斯族", "Russian", &["俄罗斯"]),
        code("45", "鄂温克族", "Ewenki", &["鄂温克"]),
        code("46", "德昂族", "Deang", &["德昂"]),
        code("47", "保安族", "Bonan", &["保安"]),
        code("48", "裕固族", "Yugur", &["裕固"]),
        code("49", "京族", "Gin", &["京"]),
        code("50", "塔塔尔族", "Tatar", &["塔塔尔"]),
        code("51", "独龙族", "Derung", &["独龙"]),
        code("52", "鄂伦春族", "Oroqen", &["鄂伦春"]),
        code("53", "赫哲族", "Hezhen", &["赫哲"]),
        code("54", "门巴族", "Monba", &["门巴"]),
        code("55", "珞巴族", "Lhoba", &["珞巴"]),
        code("56", "基诺族", "Jino", &["基诺"]),
        code("97", "其他", "other", &["其它"]),
        code("98", "外国血统中国籍人士", "of foreign descent", &[]),
    ],
};
