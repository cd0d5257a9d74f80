// SPDX-License-Identifier: Apache-2.0
//
// Makes CRI calls one after the other: a line {"service","method","request"} on
// stdin, a line {"answer"} or {"error"} on stdout. The argument is containerd's
// socket.
import readline from 'node:readline';
import {fileURLToPath} from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const proto = fileURLToPath(new URL('runtime.proto', import.meta.url));
const {runtime} = grpc.loadPackageDefinition(
    loader.loadSync(proto, {keepCase: true, longs: Number, bytes: String, defaults: true}));
const address = `unix://${process.argv[2]}`;
const credentials = grpc.credentials.createInsecure();
// What gRPC takes for a host name is otherwise the socket's path, which
// containerd refuses.
const options = {'grpc.default_authority': 'localhost'};
const clients = {
  runtime: new runtime.v1.RuntimeService(address, credentials, options),
  image: new runtime.v1.ImageService(address, credentials, options),
};

const call = ({service, method, request}) => new Promise((resolve) => {
  clients[service][method](request, (error, answer) => {
    resolve(error ? {error: error.message} : {answer});
  });
});

for await (const line of readline.createInterface({input: process.stdin})) {
  process.stdout.write(`${JSON.stringify(await call(JSON.parse(line)))}\n`);
}
for (const client of Object.values(clients)) client.close();
