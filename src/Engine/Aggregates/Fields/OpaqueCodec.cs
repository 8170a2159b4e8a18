using System.Buffers;

namespace Sluice.Aggregates.Fields;

/// <summary>
/// The only place that runs the code of an <see cref="IOpaqueState{TSelf}"/>. Called where nothing of the engine's is held; what the code throws leaves
/// as one type that says which state and what it was doing.
/// </summary>
/// <remarks>Any thread.</remarks>
internal static class OpaqueCodec<T>
    where T : IOpaqueState<T>
{
    private const int LargestKept = 1 << 20;

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _spare;

    public static byte[] Write(T state)
    {
        // Taken out while it is in use: the state's code may write another state of its type on the way.
        ArrayBufferWriter<byte> output = _spare ?? new ArrayBufferWriter<byte>();
        _spare = null;
        try
        {
            T.Write(state, output);
        }
        catch (Exception e)
        {
            throw Threw(nameof(IOpaqueState<>.Write), e);
        }

        if (output.WrittenCount > OpaqueAttribute.MaxBytes)
        {
            throw new OpaqueStateException(
                typeof(T), nameof(IOpaqueState<>.Write), $"the state takes {output.WrittenCount} bytes; {OpaqueAttribute.MaxBytes} is the most. Keep less in it, or share it out among more keys.");
        }

        byte[] bytes = output.WrittenSpan.ToArray();
        if (output.Capacity <= LargestKept)
        {
            output.ResetWrittenCount();
            _spare = output;
        }

        return bytes;
    }

    public static T Read(ReadOnlySpan<byte> bytes)
    {
        T? state;
        try
        {
            state = T.Read(bytes);
        }
        catch (Exception e)
        {
            throw Threw(nameof(IOpaqueState<>.Read), e);
        }

        return state ?? throw new OpaqueStateException(typeof(T), nameof(IOpaqueState<>.Read), "it returned null.");
    }

    public static T Merge(T earlier, T later)
    {
        T? merged;
        try
        {
            merged = T.Merge(earlier, later);
        }
        catch (Exception e)
        {
            throw Threw(nameof(IOpaqueState<>.Merge), e);
        }

        return merged ?? throw new OpaqueStateException(typeof(T), nameof(IOpaqueState<>.Merge), "it returned null.");
    }

    /// <summary>All items as one state, in their order; <see cref="IOpaqueState{TSelf}.Empty"/> when there are none.</summary>
    public static T Merge(ReadOnlySpan<OpaqueItem> items)
    {
        if (items.IsEmpty)
            return T.Empty;
        T merged = Read(items[0].Content);
        foreach (OpaqueItem item in items[1..])
            merged = Merge(merged, Read(item.Content));
        return merged;
    }

    private static OpaqueStateException Threw(string operation, Exception thrown) =>
        new(typeof(T), operation, $"it threw {thrown.GetType().Name}. Correct the state's code; what it could not merge is kept.", thrown);
}
