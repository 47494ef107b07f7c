//! What is wrong with a place of the journal, in Chinese. Scripts get the English, which names the check that failed.

/// The Chinese for the reason of a damage.
pub fn damage(english: &str) -> Option<&'static str> {
    DAMAGE.iter().find(|(reason, _)| *reason == english).map(|(_, chinese)| *chinese)
}

const DAMAGE: &[(&str, &str)] = &[
    ("a newer version of the program wrote the segment", "由更新版本的程序写入"),
    ("an entry before it in its run is damaged", "同一段中它前面的内容已损坏"),
    ("chain or signature does not hold", "签名或前后衔接不符"),
    ("entries before it are missing", "它前面的内容缺失"),
    ("no entry begins here", "此处不是一条内容的开头"),
    ("not a run that ends with a signed point", "这一段没有以签名结束"),
    ("the author has no grant here", "写入者没有此处的授权"),
    ("the device key cannot be read", "设备密钥读不出来"),
    ("the end of the journal is cut off or damaged", "文件末尾缺失或损坏"),
    ("the entries are missing", "内容缺失"),
    ("the entry does not decode", "内容无法解读"),
    ("the entry is missing", "内容缺失"),
    ("the entry's checksum does not hold", "校验和不符"),
    ("the entry's length is not believable", "长度不可信"),
    ("the file ends inside an entry", "文件在一条内容中间结束"),
    ("the run does not end with a signed point", "这一段没有以签名结束"),
    ("the segment cannot be read", "文件读不出来"),
    ("the segment does not begin as one", "文件开头不对"),
    ("the segment is missing", "文件缺失"),
    ("the settings cannot be read", "设置读不出来"),
];
