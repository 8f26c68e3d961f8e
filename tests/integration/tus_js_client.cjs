// Uploads a file with tus-js-client; how is said as JSON in the first argument.
// Prints what came of it as one line of JSON.
const fs = require('node:fs')

const said = JSON.parse(process.argv[2])
const tus = require(said.library)

let stopAfter = said.stopAfter ?? Infinity
let resumed = false
let lastAnswer = {}

const upload = new tus.Upload(fs.createReadStream(said.path), {
  endpoint: said.endpoint,
  chunkSize: said.chunkSize ?? Infinity,
  metadata: said.metadata,
  headers: said.headers ?? {},
  overridePatchMethod: said.overridePatchMethod ?? false,
  uploadDataDuringCreation: said.uploadDataDuringCreation ?? false,
  removeFingerprintOnSuccess: true,
  retryDelays: Array(60).fill(500),
  urlStorage: new tus.FileUrlStorage(said.storage),
  onAfterResponse: (_request, response) => {
    lastAnswer = {
      status: response.getStatus(),
      video: response.getHeader('Touchline-Video') ?? null,
    }
  },
  onProgress: (sent) => {
    if (said.progress) process.stderr.write(`${sent}\n`)
  },
  onChunkComplete: (_size, accepted) => {
    if (accepted < stopAfter) return
    stopAfter = Infinity
    upload.abort().then(() => finish({ stopped: accepted, url: upload.url }))
  },
  onError: (error) => finish({ error: String(error) }),
  onSuccess: () => finish({ url: upload.url, resumed, ...lastAnswer }),
})

function finish(found) {
  process.stdout.write(`${JSON.stringify(found)}\n`)
  process.exit(found.error ? 1 : 0)
}

upload.findPreviousUploads().then((previous) => {
  if (previous.length > 0) {
    resumed = true
    upload.resumeFromPreviousUpload(previous[0])
  }
  upload.start()
})
