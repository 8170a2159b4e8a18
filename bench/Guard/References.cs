using System.Buffers.Binary;
using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Text;
using Sluice.Allocations;
using Sluice.Bench.Scenarios.Merging;
using Sluice.Coordination;

namespace Sluice.Bench.Guard;

/// <summary>A replies' lines, found and read with the framework's own means, and nothing checked.</summary>
internal sealed class LineWalk : AllocationCase
{
    private readonly byte[] _destination = new byte[64];
    private long _sum;

    public override string Name => "lines of replies";

    public override void Run(int operations)
    {
        long sum = 0;
        for (int i = 0; i < operations; i++)
        {
            ReadOnlySpan<byte> reply = ParseCase.Replies[i & 63];
            int end = reply.IndexOf("\r\n"u8);
            if (!Utf8Parser.TryParse(reply[1..end], out long number, out int _))
                throw new InvalidOperationException("The reply has a number.");
            sum += number;
            if (reply[0] == '$')
                reply.Slice(end + 2, (int)number).CopyTo(_destination);
        }

        Volatile.Write(ref _sum, sum);
    }
}

/// <summary>The bytes of a command, put together by hand.</summary>
internal sealed class PieceCopy : AllocationCase
{
    private long _sum;

    public override string Name => "pieces of commands";

    public override void Run(int operations)
    {
        long sum = 0;
        Span<byte> buffer = stackalloc byte[256];
        for (int i = 0; i < operations; i++)
        {
            "*4\r\n$7\r\nHINCRBY\r\n$16\r\n"u8.CopyTo(buffer);
            int at = 22 + Encoding.UTF8.GetBytes(WriteCase.Keys[i & 63], buffer[22..]);
            "\r\n$4\r\nhits\r\n"u8.CopyTo(buffer[at..]);
            if (!Utf8Formatter.TryFormat(i, buffer[(at + 12)..], out int digits))
                throw new InvalidOperationException("There is room for it.");
            sum += at + 12 + digits;
        }

        Volatile.Write(ref _sum, sum);
    }
}

/// <summary>Two counters in a dictionary, looked up as popular as the guarded path's.</summary>
internal sealed class DictionaryMerge : AllocationCase
{
    private readonly KeyStream<string> _stream = KeyStream.Strings(1_000, threads: 1, exponent: 0.99, seed: 1);
    private readonly Dictionary<string, HitCounters> _table;

    public DictionaryMerge() => _table = _stream.Keys.ToDictionary(static key => key, static _ => new HitCounters(), StringComparer.Ordinal);

    public override string Name => "dictionary";

    public override void Run(int operations)
    {
        for (int i = 0; i < operations; i++)
        {
            HitCounters counters = _table[_stream.At(0, i)];
            counters.Hits++;
            counters.Bytes += i;
        }
    }
}

/// <summary>Fifty names and their numbers, copied one after the other.</summary>
internal sealed class BatchCopy : AllocationCase
{
    private readonly byte[] _buffer = new byte[8_192];
    private long _sum;

    public override string Name => "names and numbers";

    public override int WarmUpOperations => 2_000;

    public override void Run(int operations)
    {
        long sum = 0;
        for (int i = 0; i < operations; i++)
        {
            int at = 0;
            foreach (BatchItem item in FlushEncodeCase.Items)
            {
                item.Resource.Bytes.CopyTo(_buffer.AsSpan(at));
                at += item.Resource.Bytes.Length;
                BinaryPrimitives.WriteInt64LittleEndian(_buffer.AsSpan(at), i);
                BinaryPrimitives.WriteInt64LittleEndian(_buffer.AsSpan(at + 8), at);
                at += 16;
            }

            sum += at;
        }

        Volatile.Write(ref _sum, sum);
    }
}

/// <summary>A semaphore taken and given back.</summary>
internal sealed class SemaphoreTurn : AllocationCase
{
    private readonly SemaphoreSlim[] _semaphores = [.. Enumerable.Range(0, 64).Select(static _ => new SemaphoreSlim(1, 1))];

    public override string Name => "semaphore";

    public override void Run(int operations)
    {
        for (int i = 0; i < operations; i++)
        {
            SemaphoreSlim semaphore = _semaphores[i & 63];
            semaphore.Wait();
            semaphore.Release();
        }
    }

    public override void Dispose()
    {
        foreach (SemaphoreSlim semaphore in _semaphores)
            semaphore.Dispose();
        base.Dispose();
    }
}

/// <summary>A value in a concurrent dictionary.</summary>
internal sealed class DictionaryHit : AllocationCase
{
    private readonly string[] _keys = [.. Enumerable.Range(0, 1024).Select(static i => $"page:{i}")];
    private readonly ConcurrentDictionary<string, string> _table;
    private long _sum;

    public DictionaryHit() => _table = new(_keys.Select(static key => KeyValuePair.Create(key, key)));

    public override string Name => "concurrent dictionary";

    public override void Run(int operations)
    {
        long sum = 0;
        for (int i = 0; i < operations; i++)
            sum += _table.GetOrAdd(_keys[i & (_keys.Length - 1)], static key => key).Length;
        Volatile.Write(ref _sum, sum);
    }
}
