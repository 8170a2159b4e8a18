using System.Buffers;
using Sluice.Aggregates;
using Sluice.Aggregates.Wire;
using Sluice.Coordination.Redis;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>What one call of the merger gets: the two parts of a stored record, and a delta.</summary>
internal sealed record MergeCase(byte[] Small, byte[] Large, byte[] Delta)
{
    /// <summary>A whole stored record, in its parts. What no cursor can walk stays whole, in the part that the schema's first field is in.</summary>
    public static MergeCase Of(AggregateSchema schema, byte[] stored, byte[] delta)
    {
        (byte[] small, byte[] large)? parts = Split(schema, stored);
        if (parts is var (low, high))
            return new MergeCase(low, high, delta);
        return SchemaDescriptor.IsLarge(schema.Fields[0]) ? new MergeCase([], stored, delta) : new MergeCase(stored, [], delta);
    }

    /// <summary>The parts of a record, or null when its frames are broken.</summary>
    public static (byte[] Small, byte[] Large)? Split(AggregateSchema schema, ReadOnlySpan<byte> record)
    {
        ArrayBufferWriter<byte> small = new();
        ArrayBufferWriter<byte> large = new();
        FieldCursor cursor = new(record);
        while (cursor.MoveNext())
        {
            bool isLarge = cursor.Field < schema.Fields.Length && SchemaDescriptor.IsLarge(schema.Fields[cursor.Field]);
            cursor.Payload.CopyTo(FieldFrame.Append(isLarge ? large : small, cursor.Field, cursor.Payload.Length));
        }

        return cursor.IsMalformed ? null : (small.WrittenSpan.ToArray(), large.WrittenSpan.ToArray());
    }

    /// <summary>What the merger of the other coordinators makes of the case.</summary>
    public MergedRecord Expected(AggregateSchema schema, RecordMerger merger)
    {
        // A field in the wrong part is as malformed as one that is not declared.
        ArrayBufferWriter<byte> stored = new();
        if (Split(schema, Small) is not (_, []) || Split(schema, Large) is not ([], _)
            || merger.TryMerge(Small, Large, stored, out _) != RecordMergeStatus.Merged)
            return new MergedRecord(RecordMergeStatus.Malformed, [], []);

        ArrayBufferWriter<byte> merged = new();
        RecordMergeStatus status = merger.TryMerge(stored.WrittenSpan, Delta, merged, out _);
        (byte[] small, byte[] large) = Split(schema, merged.WrittenSpan)!.Value;
        return new MergedRecord(status, small, large);
    }

    public override string ToString() => $"small {Convert.ToHexString(Small)}, large {Convert.ToHexString(Large)}, delta {Convert.ToHexString(Delta)}";
}

/// <summary>What came of a merge: the parts are empty unless it was merged.</summary>
internal sealed record MergedRecord(RecordMergeStatus Status, byte[] Small, byte[] Large)
{
    public bool Equals(MergedRecord? other) =>
        other is not null && Status == other.Status && Small.AsSpan().SequenceEqual(other.Small) && Large.AsSpan().SequenceEqual(other.Large);

    public override int GetHashCode() => HashCode.Combine(Status, Small.Length, Large.Length);

    public override string ToString() => $"{Status}, small {Convert.ToHexString(Small)}, large {Convert.ToHexString(Large)}";
}

/// <summary>Compares the two mergers, case by case.</summary>
internal static class RecordMergeAssert
{
    /// <summary>Fails at the first case on which the script and the merger of the other coordinators differ; returns how often each status came out.</summary>
    public static async Task<Dictionary<RecordMergeStatus, int>> AgreeAsync(RecordMergeServer server, AggregateSchema schema, IReadOnlyList<MergeCase> cases)
    {
        RecordMerger merger = RecordMerger.For(schema);
        MergedRecord[] actual = await server.MergeAsync(schema, cases, TestContext.Current.CancellationToken);
        Assert.Equal(cases.Count, actual.Length);
        Dictionary<RecordMergeStatus, int> seen = [];
        for (int i = 0; i < cases.Count; i++)
        {
            MergedRecord expected = cases[i].Expected(schema, merger);
            if (expected != actual[i])
                Assert.Fail($"Case {i} of {schema} [{string.Join(", ", schema.Fields.Select(static field => $"{field.Kind} {field.Parameter}"))}]: {cases[i]}\nexpected {expected}\nactual {actual[i]}");
            seen[expected.Status] = seen.GetValueOrDefault(expected.Status) + 1;
        }

        return seen;
    }
}
