//! The code tables of `social_org`: codes for documents, Chinese labels for people, and the words lists use for them.

use super::codes::code;
use crate::model::dictionary::CodeTable;

/// 类型. The second position of the credit code tells it too (GB 32100-2015): 51, 52, 53, 59.
pub static ORG_TYPES: CodeTable = CodeTable {
    label: "类型",
    codes: &[
        code("ST", "社会团体", "association", &["社团", "社会团体法人"]),
        code(
            "MF",
            "社会服务机构",
            "social service institution",
            &[
                "民办非企业单位",
                "民非",
                "民办非企业",
                "民非企业",
                "社会服务机构（民办非企业单位）",
                "民办非企业单位（社会服务机构）",
                "社会服务机构·民办非企业单位",
                "社会服务机构/民办非企业单位",
            ],
        ),
        code("JJ", "基金会", "foundation", &["基金会法人"]),
        code("QT", "其他", "other", &["其它", "其他社会组织"]),
        code(
            "BA",
            "备案社区社会组织",
            "filed community organization",
            &["备案", "社区社会组织", "备案社会组织"],
        ),
    ],
};

/// 子类, by type: associations, social service institutions, foundations.
pub static SUB_TYPES: CodeTable = CodeTable {
    label: "子类",
    codes: &[
        code("INDUSTRY", "行业性", "by industry", &["行业性社团"]),
        code("ACADEMIC", "学术性", "academic", &["学术性社团"]),
        code("PROFESSIONAL", "专业性", "professional", &["专业性社团"]),
        code("UNION", "联合性", "union", &["联合性社团"]),
        code("LEGAL_PERSON", "法人", "legal person", &["法人型", "民办非企业单位（法人）"]),
        code("PARTNERSHIP", "合伙", "partnership", &["合伙型", "民办非企业单位（合伙）"]),
        code("INDIVIDUAL", "个体", "individual", &["个体型", "民办非企业单位（个体）"]),
        code("PUBLIC", "公募", "public fundraising", &["公募基金会"]),
        code("NON_PUBLIC", "非公募", "no public fundraising", &["非公募基金会"]),
    ],
};

/// 行业分类, the 14 fields of the statistics of social organizations since 2012.
pub static SECTORS: CodeTable = CodeTable {
    label: "行业分类",
    codes: &[
        code("BUSINESS", "工商服务", "business services", &["工商服务业", "工商业服务"]),
        code("SCIENCE", "科技研究", "science and research", &["科学研究", "科技与研究"]),
        code("EDUCATION", "教育", "education", &[]),
        code("HEALTH", "卫生", "health", &[]),
        code("SOCIAL_SERVICE", "社会服务", "social services", &[]),
        code("CULTURE", "文化", "culture", &[]),
        code("SPORT", "体育", "sport", &[]),
        code("ECOLOGY", "生态环境", "ecology", &["环境", "生态"]),
        code("LAW", "法律", "law", &[]),
        code("RELIGION", "宗教", "religion", &[]),
        code("AGRICULTURE", "农业农村", "agriculture and countryside", &["农业及农村发展"]),
        code("OCCUPATION", "职业从业", "occupations", &["职业及从业组织", "职业及从业者组织"]),
        code("INTERNATIONAL", "国际涉外", "international", &["国际及其他涉外组织", "国际及涉外组织"]),
        code("OTHER", "其他", "other", &["其它"]),
    ],
};

/// 管理体制.
pub static MANAGEMENT_MODES: CodeTable = CodeTable {
    label: "管理体制",
    codes: &[
        code("DUAL", "双重管理", "dual management", &["双重"]),
        code("DIRECT", "直接登记", "registered directly", &["直接"]),
        code("FILED", "备案", "filed", &["备案管理"]),
    ],
};

/// 脱钩状态: of industry associations from their supervising units.
pub static DECOUPLING: CodeTable = CodeTable {
    label: "脱钩状态",
    codes: &[
        code("NA", "不适用", "not applicable", &["不涉及"]),
        code("PENDING", "未脱钩", "pending", &["待脱钩"]),
        code("IN_PROGRESS", "脱钩中", "in progress", &["正在脱钩"]),
        code("DONE", "已脱钩", "done", &["完成脱钩"]),
    ],
};

/// 评估等级.
pub static GRADES: CodeTable = CodeTable {
    label: "评估等级",
    codes: &[
        code("1A", "1A级", "1A", &["A", "A级"]),
        code("2A", "2A级", "2A", &["AA", "AA级"]),
        code("3A", "3A级", "3A", &["AAA", "AAA级"]),
        code("4A", "4A级", "4A", &["AAAA", "AAAA级"]),
        code("5A", "5A级", "5A", &["AAAAA", "AAAAA级"]),
    ],
};

/// 年检或年报结论.
pub static ANNUAL_RESULTS: CodeTable = CodeTable {
    label: "年检结论",
    codes: &[
        code("PASS", "合格", "passed", &["年检合格"]),
        code("BASIC", "基本合格", "basically passed", &[]),
        code("FAIL", "不合格", "failed", &[]),
        code("NOT_FILED", "未报", "not filed", &["未参检", "未年检", "未参加年检"]),
    ],
};

/// 登记状态.
pub static STATUSES: CodeTable = CodeTable {
    label: "状态",
    codes: &[
        code("NORMAL", "正常", "in good standing", &["存续", "在册", "有效"]),
        code("WITHDRAWN", "撤销", "withdrawn", &["撤销登记", "已撤销"]),
        code("DEREGISTERED", "注销", "deregistered", &["注销登记", "已注销"]),
        code("REVOKED", "吊销", "revoked", &["吊销证书", "已吊销", "吊销登记证书"]),
    ],
};

/// 组建方式: how a Party organization covers this one.
pub static BUILD_MODES: CodeTable = CodeTable {
    label: "组建方式",
    codes: &[
        code("SOLO", "单独组建", "on its own", &["单独", "独立组建"]),
        code("JOINT", "联合组建", "jointly", &["联合"]),
        code("ATTACHED", "挂靠组建", "attached", &["挂靠"]),
        code("DUAL_FIT", "兼合式", "dual-fit, affiliation not moved", &["兼合式组建"]),
    ],
};
