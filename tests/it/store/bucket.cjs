// An S3-compatible store on a port of 127.0.0.1, in a folder, until it is stopped: node bucket.cjs PORT FOLDER
// It checks signatures, which is what it is here for. KEY and SECRET: who may ask. Faults are made by the proxy before it.
const S3rver = require("s3rver");
const account = require("s3rver/lib/models/account");
const [port, folder] = process.argv.slice(2);
account.DUMMY_ACCOUNT.createKeyPair(process.env.KEY, process.env.SECRET);
new S3rver({
  port: Number(port),
  address: "127.0.0.1",
  directory: folder,
  silent: true,
  serviceEndpoint: "localhost",
  configureBuckets: [{ name: "files" }],
}).run((error) => {
  if (error) throw error;
  console.log("ready");
});
