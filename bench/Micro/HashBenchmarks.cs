using BenchmarkDotNet.Attributes;
using Sluice.Aggregates;
using Sluice.Hashing;

namespace Sluice.Bench.Micro;

/// <summary>What a flushed item pays to know its partition. Run with <c>-- micro --filter '*Hash*'</c>.</summary>
[MemoryDiagnoser]
public class HashBenchmarks
{
    private readonly byte[] _bytes = new byte[KeyCodec.MaxBytes];
    private string _key = "";
    private int _length;

    [Params(12, 40)]
    public int KeyLength { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        _key = new string('k', KeyLength);
        _length = KeyCodec.String.Encode(_key, _bytes);
    }

    [Benchmark(Baseline = true)]
    public int Encode() => KeyCodec.String.Encode(_key, _bytes);

    [Benchmark]
    public ulong Hash() => XxHash64.Hash(_bytes.AsSpan(0, _length));
}
