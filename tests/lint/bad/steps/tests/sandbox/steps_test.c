assert_step("mounts");
