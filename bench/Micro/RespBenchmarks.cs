using BenchmarkDotNet.Attributes;
using Sluice.Resp;

namespace Sluice.Bench.Micro;

/// <summary>What the reader thread pays for one reply: finding its end, and reading it. Run with <c>-- micro --filter '*Resp*'</c>.</summary>
[MemoryDiagnoser]
public class RespBenchmarks
{
    private static readonly byte[] Ok = "+OK\r\n"u8.ToArray();
    private static readonly byte[] Integer = ":1234567\r\n"u8.ToArray();

    private readonly byte[] _destination = new byte[64 * 1024];
    private byte[] _bulk = [];
    private FrameScanner _scanner = new(RespLimits.Default);

    [Params(16, 4096)]
    public int BulkLength { get; set; }

    [GlobalSetup]
    public void Fill() => _bulk = System.Text.Encoding.ASCII.GetBytes($"${BulkLength}\r\n{new string('x', BulkLength)}\r\n");

    [Benchmark(Baseline = true)]
    public int SimpleString() => Scan(Ok).CopyTo(_destination);

    [Benchmark]
    public long Number() => Scan(Integer).ReadInt64();

    [Benchmark]
    public int Bulk()
    {
        RespReader reply = Scan(_bulk);
        return reply.CopyTo(_destination);
    }

    private RespReader Scan(byte[] frame) => _scanner.TryScan(frame, out Frame _) ? new RespReader(frame) : throw new InvalidDataException("The frame is not whole.");
}
