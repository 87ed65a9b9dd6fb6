// As durable as the service's files: sync, rename, sync the folder.
import { closeSync, fsyncSync, openSync, renameSync } from "node:fs";
import { dirname } from "node:path";

export function publish(part, path) {
  sync(part);
  renameSync(part, path);
  sync(dirname(path));
}

function sync(path) {
  const handle = openSync(path, "r");
  fsyncSync(handle);
  closeSync(handle);
}
