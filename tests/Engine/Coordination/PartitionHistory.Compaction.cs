using Sluice.Aggregates;
using Sluice.Coordination;
using Sluice.Harness.Conformance;
using Xunit;

namespace Sluice.Tests.Coordination;

/// <content>Opaque deltas: engines merge what they saw, at once or late, right or wrong, several of them at a time.</content>
internal sealed partial class PartitionHistory
{
    private readonly List<Compaction> _plans = [];
    private readonly Dictionary<(ResourceKey, long), string> _delivered = [];
    private long _deltas;

    /// <summary>The schema of the histories.</summary>
    public static AggregateSchema SchemaOf(bool hasOpaque) => hasOpaque ? OpaqueDeltas.Schema : Item.Schema;

    private byte[] OpaqueDelta(long hits, ref Digits digits)
    {
        long[] sequences = new long[digits.Next(3) == 0 ? 1 + digits.Next(40) : 1];
        for (int i = 0; i < sequences.Length; i++)
            sequences[i] = ++_deltas;
        return OpaqueDeltas.Delta(hits, 1, sequences);
    }

    private void Compact(ref Digits digits)
    {
        if (_plans.Count == 0 || digits.Next(3) != 0)
            Plan(ref digits);
        if (_plans.Count == 0)
            return;

        // The newest, or one that somebody has kept for a while, or two that overlap.
        Compaction chosen = _plans[^(1 + digits.Next(Math.Min(_plans.Count, 6)))];
        chosen = digits.Next(10) switch
        {
            0 => chosen with { Generation = chosen.Generation + 1 },
            1 => chosen with { Merged = new byte[] { 1, 2, 3 } },
            2 => chosen with { Field = 0 },
            _ => chosen,
        };
        Send(new CompactRequest(digits.Next(3) == 0 ? [chosen, _plans[^1]] : [chosen]) { Seen = digits.Next(8) == 0 ? _state.Clock + 3 : 0 });
    }

    /// <summary>An engine looks at a session and merges some of its first deltas, or all.</summary>
    private void Plan(ref Digits digits)
    {
        ResourceKey resource = Resources[digits.Next(Resources.Length)];
        PeekedResource peeked = Reply<PeekReply>(new PeekRequest([resource])).Resources[0];
        bool isSealed = peeked.SealedGeneration != 0 && digits.Next(2) == 0;
        ReadOnlyMemory<byte> record = isSealed ? peeked.Sealed : peeked.Open;
        int count = OpaqueDeltas.Count(record);
        if (count < 2)
            return;
        int items = digits.Next(2) == 0 ? count : 2 + digits.Next(count - 1);
        _plans.Add(OpaqueDeltas.Compact(resource, isSealed ? peeked.SealedGeneration : peeked.Generation, record, items));
    }

    private void CheckOpaque(PartitionState state)
    {
        foreach ((ResourceKey resource, SealedRecord record) in state.Sealed)
        {
            // I1, of one record: nothing was merged twice, and nothing was left out.
            Assert.Equal(HitsOfSum(record.Fields), OpaqueDeltas.Total(record.Fields));

            // I4: what may be delivered, because nothing is left to merge, never changes again.
            string content = Convert.ToHexString(record.Fields.Span);
            if (OpaqueDeltas.Count(record.Fields) <= 1 && !_delivered.TryAdd((resource, record.Generation), content))
                Assert.Equal(_delivered[(resource, record.Generation)], content);
        }
    }

    private static long HitsOfSum(ReadOnlyMemory<byte> record) =>
        record.Length > 10 && record.Span[0] == 0 ? System.Buffers.Binary.BinaryPrimitives.ReadInt64LittleEndian(record.Span[2..]) : 0;
}
