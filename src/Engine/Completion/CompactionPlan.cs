using System.Collections.Immutable;
using Sluice.Aggregates;
using Sluice.Aggregates.Wire;
using Sluice.Coordination;

namespace Sluice.Completing;

/// <summary>What an engine merged the opaque deltas of one session into, and what a coordinator has to store of it.</summary>
/// <param name="Compactions">One for each field with several deltas; none when there is nothing to merge.</param>
/// <param name="Folded">The session's record afterwards.</param>
internal readonly record struct CompactionPlan(ImmutableArray<Compaction> Compactions, ReadOnlyMemory<byte> Folded)
{
    /// <summary>Merges. Runs the application's code if a field has several deltas, and only then.</summary>
    /// <exception cref="OpaqueStateException">The application's code threw.</exception>
    /// <exception cref="InvalidDataException">The record is not of the schema.</exception>
    public static CompactionPlan Of(AggregateDefinition definition, ResourceKey resource, long generation, ReadOnlyMemory<byte> record)
    {
        if (!HasSeveral(definition.Schema, record.Span))
            return new CompactionPlan([], record);
        byte[] folded = definition.FoldRecord(record.Span);
        ImmutableArray<Compaction>.Builder compactions = ImmutableArray.CreateBuilder<Compaction>();
        FieldCursor before = new(record.Span), after = new(folded);
        while (before.MoveNext() && after.MoveNext())
        {
            ReadOnlySpan<byte> deltas = before.Payload;
            if (IsOpaque(definition.Schema, before.Field) && OpaquePayload.Count(deltas) > 1)
                compactions.Add(new Compaction(resource, generation, before.Field, deltas.Length, OpaqueVersion.Of(deltas), after.Payload.ToArray()));
        }

        return new CompactionPlan(compactions.DrainToImmutable(), folded);
    }

    private static bool HasSeveral(AggregateSchema schema, ReadOnlySpan<byte> record)
    {
        FieldCursor cursor = new(record);
        while (cursor.MoveNext())
        {
            if (IsOpaque(schema, cursor.Field) && OpaquePayload.Count(cursor.Payload) > 1)
                return true;
        }

        return false;
    }

    private static bool IsOpaque(AggregateSchema schema, int field) => field < schema.Fields.Length && schema.Fields[field].Kind == OpaquePayload.Kind;
}
