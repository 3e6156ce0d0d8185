use super::*;
use vfs::{FsContext, LookupFlags, Mount, Path, Start, lookup};

fn find(path: &str) -> Result<Path> {
    let sb = SysFsType.mount(b"sysfs", b"", 0)?;
    let root = sb.root().clone();
    let context = FsContext::new(Path::new(Mount::internal(sb), root));
    let cred = sync::Credentials::root();
    let start = Start {
        fs: &context,
        base: None,
        cred: &cred,
    };
    lookup(&start, path.as_bytes(), LookupFlags::FOLLOW)
}

#[test]
fn names_come_and_go_below_a_mounted_tree() {
    assert!(find("class").unwrap().inode().attr().is_dir());
    assert_eq!(find("class/tests/one/name").err(), Some(Errno::ENOENT));
    text("devices/virtual/tests/one/name", "first\n").unwrap();
    link("class/tests/one", "devices/virtual/tests/one").unwrap();
    let seen = find("class/tests/one/name").unwrap();
    assert_eq!(seen.inode().metadata().size, 4096);
    assert_eq!(
        find("class/tests").unwrap().inode().attr().nlink(),
        2,
        "a link is no directory"
    );
    assert_eq!(
        find("devices/virtual/tests")
            .unwrap()
            .inode()
            .attr()
            .nlink(),
        3
    );
    text("devices/virtual/tests/one/name", "second\n").unwrap();
    let newer = find("class/tests/one/name").unwrap();
    assert!(!Arc::ptr_eq(seen.inode(), newer.inode()));
    remove("devices/virtual/tests/one");
    assert_eq!(find("class/tests/one/name").err(), Some(Errno::ENOENT));
    remove("class/tests/one");
    remove("class/tests/never");
    assert_eq!(find("class/tests/one").err(), Some(Errno::ENOENT));
}

#[test]
fn a_file_is_no_directory_and_options_are_refused() {
    text("kernel/test_value", "1\n").unwrap();
    assert_eq!(directory("kernel/test_value/below"), Err(Errno::ENOTDIR));
    assert_eq!(
        SysFsType.mount(b"", b"size=1", 0).err(),
        Some(Errno::EINVAL)
    );
}
