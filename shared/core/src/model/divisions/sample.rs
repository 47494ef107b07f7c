//! A small tree for tests and the simulator.

use super::Divisions;

const TEXT: &str = "\
huiliu divisions 1,2023-06-30
33,浙江省
3302,宁波市
330203,海曙区
330203001,南门街道
330203004,月湖街道
330203005,鼓楼街道
330203100,高桥镇
330203106,章水镇
330203200,龙观乡
330204,江东区,,2016-09-14,330212
330205,江北区
330205001,外滩街道
330205003,孔浦街道
330205103,慈城镇
330212,鄞州区
330212100,瞻岐镇
330281,余姚市
330281001,梨洲街道
330281002,凤山街道
330281100,临山镇
";

impl Divisions {
    /// A registry of 20 divisions around Ningbo, one of them retired.
    pub fn sample() -> Self {
        Self::parse(TEXT).unwrap_or_default()
    }
}
