// A thread of a search, beside the main one. It knows nothing of the model: all of it is in the module.
import { workerData } from "node:worker_threads";

const { module, memory } = workerData;
new WebAssembly.Instance(module, { env: { memory } }).exports.serve();
