using System.Buffers.Binary;
using System.ComponentModel;

namespace Sluice.Aggregates.Fields;

/// <summary>32-bit integers as 64-bit ones.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct Int32Element : IElement<int>
{
    /// <inheritdoc/>
    public static bool IsElement(ReadOnlySpan<byte> bytes) => Int64Element.IsElement(bytes) && Int32Ordinal.IsOrdinal(Int64Element.Read(bytes));

    /// <inheritdoc/>
    public static int SizeOf(int value) => sizeof(long);

    /// <inheritdoc/>
    public static void Write(int value, Span<byte> destination) => BinaryPrimitives.WriteInt64LittleEndian(destination, value);

    /// <inheritdoc/>
    public static int Read(ReadOnlySpan<byte> bytes) => (int)Int64Element.Read(bytes);

    /// <inheritdoc/>
    public static int Compare(int left, int right) => Int64Element.Compare(left, right);
}

/// <summary>Doubles as the 8 bytes of their bits, little-endian; NaN is a value like any other.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct DoubleElement : IElement<double>
{
    /// <inheritdoc/>
    public static bool IsElement(ReadOnlySpan<byte> bytes) => Int64Element.IsElement(bytes);

    /// <inheritdoc/>
    public static int SizeOf(double value) => sizeof(double);

    /// <inheritdoc/>
    public static void Write(double value, Span<byte> destination) => BinaryPrimitives.WriteDoubleLittleEndian(destination, value);

    /// <inheritdoc/>
    public static double Read(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadDoubleLittleEndian(bytes);

    /// <inheritdoc/>
    public static int Compare(double left, double right) => Int64Element.Compare(BitConverter.DoubleToInt64Bits(left), BitConverter.DoubleToInt64Bits(right));
}

/// <summary>Instants as their UTC ticks, 8 bytes, little-endian.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct InstantElement : IElement<DateTimeOffset>
{
    /// <inheritdoc/>
    public static bool IsElement(ReadOnlySpan<byte> bytes) => Int64Element.IsElement(bytes) && InstantOrdinal.IsOrdinal(Int64Element.Read(bytes));

    /// <inheritdoc/>
    public static int SizeOf(DateTimeOffset value) => sizeof(long);

    /// <inheritdoc/>
    public static void Write(DateTimeOffset value, Span<byte> destination) => BinaryPrimitives.WriteInt64LittleEndian(destination, value.UtcTicks);

    /// <inheritdoc/>
    public static DateTimeOffset Read(ReadOnlySpan<byte> bytes) => InstantOrdinal.FromOrdinal(Int64Element.Read(bytes));

    /// <inheritdoc/>
    public static int Compare(DateTimeOffset left, DateTimeOffset right) => Int64Element.Compare(left.UtcTicks, right.UtcTicks);
}

/// <summary>Durations as their ticks, 8 bytes, little-endian.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct DurationElement : IElement<TimeSpan>
{
    /// <inheritdoc/>
    public static bool IsElement(ReadOnlySpan<byte> bytes) => Int64Element.IsElement(bytes);

    /// <inheritdoc/>
    public static int SizeOf(TimeSpan value) => sizeof(long);

    /// <inheritdoc/>
    public static void Write(TimeSpan value, Span<byte> destination) => BinaryPrimitives.WriteInt64LittleEndian(destination, value.Ticks);

    /// <inheritdoc/>
    public static TimeSpan Read(ReadOnlySpan<byte> bytes) => new(Int64Element.Read(bytes));

    /// <inheritdoc/>
    public static int Compare(TimeSpan left, TimeSpan right) => Int64Element.Compare(left.Ticks, right.Ticks);
}
