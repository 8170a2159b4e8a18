using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Sluice.Coordination;
using Sluice.Coordination.Redis;
using Sluice.Resp;

namespace Sluice.Allocations;

/// <summary>What the reader thread does for each reply: finds its end, and reads it.</summary>
internal sealed class ParseCase : AllocationCase
{
    private readonly byte[] _destination = new byte[64];
    private FrameScanner _scanner = new(RespLimits.Default);
    private long _sum;

    public override string Name => "RESP, parse a reply";

    /// <summary>Numbers, and strings of 16 bytes.</summary>
    public static byte[][] Replies { get; } =
        [.. Enumerable.Range(0, 64).Select(i => Encoding.ASCII.GetBytes(i % 2 == 0 ? string.Create(CultureInfo.InvariantCulture, $":{i * 7919}\r\n") : $"$16\r\n{i:x16}\r\n"))];

    public override void Run(int operations)
    {
        long sum = 0;
        for (int i = 0; i < operations; i++)
        {
            byte[] reply = Replies[i & 63];
            if (!_scanner.TryScan(reply, out Frame _))
                throw new InvalidOperationException("The reply is whole.");
            RespReader reader = new(reply);
            sum += i % 2 == 0 ? reader.ReadInt64() : reader.CopyTo(_destination);
        }

        Volatile.Write(ref _sum, sum);
    }
}

/// <summary>What a caller's thread does for each command: formats it.</summary>
internal sealed class WriteCase : AllocationCase
{
    private long _sum;

    public override string Name => "RESP, write a command";

    /// <summary>The keys of the commands.</summary>
    public static string[] Keys { get; } = [.. Enumerable.Range(0, 64).Select(static i => string.Create(CultureInfo.InvariantCulture, $"visitor:{i:x8}"))];

    public override void Run(int operations)
    {
        long sum = 0;
        Span<byte> scratch = stackalloc byte[256];
        for (int i = 0; i < operations; i++)
        {
            using RespCommandWriter writer = new(scratch);
            writer.Write("HINCRBY"u8);
            writer.Write(Keys[i & 63]);
            writer.Write("hits"u8);
            writer.Write((long)i);
            sum += writer.Complete().Length;
        }

        Volatile.Write(ref _sum, sum);
    }
}

/// <summary>What a lane does for each batch: packs fifty resources with two counters each into the two arguments of the flush script.</summary>
internal sealed class FlushEncodeCase : AllocationCase
{
    private static readonly byte[] Schema = SchemaDescriptor.For(Hits.Definition.Schema);

    private long _sum;

    public override string Name => "flush, encode a batch of 50 resources";

    public override int WarmUpOperations => 2_000;

    public static ImmutableArray<BatchItem> Items { get; } = [.. Enumerable.Range(0, 50).Select(static i => new BatchItem(
        new ResourceKey(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"visitor:{i:x8}"))),
        Delta(i),
        Holds: true,
        Force: false,
        CompletionReason.Idle))];

    public override void Run(int operations)
    {
        long sum = 0;
        for (int i = 0; i < operations; i++)
        {
            using BatchArguments arguments = new(Items, Schema, endsByReference: true);
            sum += arguments.Names.Length + arguments.Items.Length;
        }

        Volatile.Write(ref _sum, sum);
    }

    // Two sums, as the wire form has them: index, length, value.
    private static byte[] Delta(int i) => [0, 8, 1, 0, 0, 0, 0, 0, 0, 0, 1, 8, (byte)i, 1, 0, 0, 0, 0, 0, 0];
}
