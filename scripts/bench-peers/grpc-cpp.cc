// gRPC C++ as the peer of `make bench-rpc`: an echo server and its caller, mutual TLS, generic
// messages (bytes, no protobuf), one thread each on a completion queue.
//
//   grpc-cpp server IDENTITY PORT
//   grpc-cpp single|stream|large IDENTITY PORT --seconds SECONDS
//
// IDENTITY is a folder with identity.pem, identity.key and ca.pem. What was measured is printed as
// lines of a name and a number, as by `belfry-bench rpc-load`.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;
using Tag = std::function<void(bool)>;
using grpc::ByteBuffer;

static std::string contents(const std::string& path) {
  std::ifstream file(path);
  if (!file) { std::cerr << "cannot read " << path << "\n"; exit(66); }
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

static ByteBuffer message(size_t size) {
  grpc::Slice slice(std::string(size, 'x'));
  return ByteBuffer(&slice, 1);
}

// Messages of one stream that wait for the write before them; all but the last are only buffered.
template <typename Stream>
class Outbox {
 public:
  Outbox(Stream& stream, Tag* written) : stream_(stream), written_(written) {}
  bool busy() const { return busy_; }
  void push(ByteBuffer message) {
    waiting_.push_back(std::move(message));
    if (!busy_) next();
  }
  void written() {
    busy_ = false;
    if (!waiting_.empty()) next();
  }

 private:
  void next() {
    busy_ = true;
    current_ = std::move(waiting_.front());
    waiting_.pop_front();
    grpc::WriteOptions options;
    if (!waiting_.empty()) options.set_buffer_hint();
    stream_.Write(current_, options, written_);
  }
  Stream& stream_;
  Tag* written_;
  std::deque<ByteBuffer> waiting_;
  ByteBuffer current_;
  bool busy_ = false;
};

// One call on the server; deletes itself when it has ended.
class Call {
 public:
  Call(grpc::AsyncGenericService& service, grpc::ServerCompletionQueue& queue)
      : service_(service), queue_(queue), stream_(&context_), outbox_(stream_, &written_) {
    service_.RequestCall(&context_, &stream_, &queue_, &queue_, &began_);
  }

 private:
  void began(bool ok) {
    if (!ok) { delete this; return; }
    new Call(service_, queue_);
    isStream_ = context_.method() == "/bench.Echo/Stream";
    stream_.Read(&incoming_, &read_);
  }
  void read(bool ok) {
    if (!ok) {
      hasEnded_ = true;
      return finishIfDone();
    }
    if (!isStream_) {
      return stream_.WriteAndFinish(incoming_, grpc::WriteOptions(), grpc::Status::OK, &finished_);
    }
    outbox_.push(std::move(incoming_));
    incoming_.Clear();
    stream_.Read(&incoming_, &read_);
  }
  void written() {
    outbox_.written();
    finishIfDone();
  }
  void finishIfDone() {
    if (hasEnded_ && !outbox_.busy()) stream_.Finish(grpc::Status::OK, &finished_);
  }

  grpc::AsyncGenericService& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_;
  ByteBuffer incoming_;
  bool isStream_ = false, hasEnded_ = false;
  Tag began_ = [this](bool ok) { began(ok); };
  Tag read_ = [this](bool ok) { read(ok); };
  Tag written_ = [this](bool) { written(); };
  Tag finished_ = [this](bool) { delete this; };
  Outbox<grpc::GenericServerAsyncReaderWriter> outbox_;
};

static void turn(grpc::CompletionQueue& queue) {
  void* tag;
  bool ok;
  if (!queue.Next(&tag, &ok)) exit(0);
  (*static_cast<Tag*>(tag))(ok);
}

static int serve(const std::string& identity, const std::string& port) {
  // As Belfry's server: a caller without a certificate is let in, one with a bad one is not.
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = contents(identity + "/ca.pem");
  options.pem_key_cert_pairs.push_back(
      {contents(identity + "/identity.key"), contents(identity + "/identity.pem")});
  grpc::AsyncGenericService service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + port, grpc::SslServerCredentials(options));
  builder.RegisterAsyncGenericService(&service);
  auto queue = builder.AddCompletionQueue();
  auto server = builder.BuildAndStart();
  if (!server) return 69;
  for (int calls = 0; calls < 256; calls++) new Call(service, *queue);
  while (true) turn(*queue);
}

static std::shared_ptr<grpc::Channel> connect(const std::string& identity, const std::string& port) {
  using namespace grpc::experimental;
  std::vector<IdentityKeyCertPair> pairs{
      {contents(identity + "/identity.key"), contents(identity + "/identity.pem")}};
  TlsChannelCredentialsOptions options;
  options.set_certificate_provider(std::make_shared<StaticDataCertificateProvider>(
      contents(identity + "/ca.pem"), pairs));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  // The chain is verified, the name is not: certificates of a cluster name no host.
  options.set_verify_server_certs(true);
  options.set_check_call_host(false);
  options.set_certificate_verifier(std::make_shared<NoOpCertificateVerifier>());
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(8 << 20);
  auto channel =
      grpc::CreateCustomChannel("127.0.0.1:" + port, TlsCredentials(options), arguments);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
    std::cerr << "no connection to port " << port << "\n";
    exit(69);
  }
  return channel;
}

// One call after the other; the time of each in microseconds.
static std::vector<double> latencies(std::shared_ptr<grpc::Channel> channel, double seconds) {
  grpc::internal::RpcMethod method("/bench.Echo/Synchronous",
                                   grpc::internal::RpcMethod::NORMAL_RPC, channel);
  ByteBuffer request = message(64);
  std::vector<double> times;
  auto began = Clock::now();
  const auto end = began + Seconds(seconds);
  while (began < end) {
    grpc::ClientContext context;
    ByteBuffer reply;
    grpc::Status status = grpc::internal::BlockingUnaryCall<ByteBuffer, ByteBuffer>(
        channel.get(), method, &context, request, &reply);
    if (!status.ok()) { std::cerr << status.error_message() << "\n"; exit(70); }
    auto now = Clock::now();
    times.push_back(Seconds(now - began).count() * 1e6);
    began = now;
  }
  return times;
}

// Echoes a second on one bidirectional stream with so many messages under way.
static double echoes(std::shared_ptr<grpc::Channel> channel, size_t size, int outstanding,
                     double seconds) {
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  auto stream = stub.PrepareCall(&context, "/bench.Echo/Stream", &queue);
  const ByteBuffer request = message(size);
  ByteBuffer reply;
  long count = 0;
  bool begun = false;
  Tag beganTag = [&](bool) { begun = true; };
  stream->StartCall(&beganTag);
  while (!begun) turn(queue);
  Outbox<grpc::GenericClientAsyncReaderWriter>* outbox = nullptr;
  Tag writtenTag = [&](bool) { outbox->written(); };
  Outbox<grpc::GenericClientAsyncReaderWriter> messages(*stream, &writtenTag);
  outbox = &messages;
  Tag readTag = [&](bool ok) {
    if (!ok) { std::cerr << "the stream ended\n"; exit(70); }
    count++;
    messages.push(request);
    stream->Read(&reply, &readTag);
  };
  const auto began = Clock::now();
  for (int index = 0; index < outstanding; index++) messages.push(request);
  stream->Read(&reply, &readTag);
  while (Clock::now() - began < Seconds(seconds)) turn(queue);
  const double rate = count / Seconds(Clock::now() - began).count();
  context.TryCancel();
  queue.Shutdown();
  void* tag;
  bool ok;
  while (queue.Next(&tag, &ok)) {}
  return rate;
}

int main(int count, char** words) {
  if (count < 4) { std::cerr << "grpc-cpp KIND IDENTITY PORT [--seconds SECONDS]\n"; return 64; }
  const std::string kind = words[1], identity = words[2], port = words[3];
  if (kind == "server") return serve(identity, port);
  const double seconds = count > 5 ? atof(words[5]) : 2;
  auto channel = connect(identity, port);
  if (kind == "single") {
    latencies(channel, seconds / 4);
    auto times = latencies(channel, seconds);
    std::sort(times.begin(), times.end());
    std::cout << "p50_us " << times[times.size() / 2] << "\n";
    std::cout << "p99_us " << times[times.size() * 99 / 100] << "\n";
  } else if (kind == "stream") {
    echoes(channel, 64, 256, seconds / 4);
    std::cout << "messages_per_s " << 2 * echoes(channel, 64, 256, seconds) << "\n";
  } else if (kind == "large") {
    echoes(channel, 1 << 20, 4, seconds / 4);
    std::cout << "megabytes_per_s " << 2 * echoes(channel, 1 << 20, 4, seconds) * 1.048576 << "\n";
  } else {
    std::cerr << "no load is called " << kind << "\n";
    return 64;
  }
}
