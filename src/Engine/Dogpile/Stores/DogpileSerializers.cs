using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Caching.Hybrid;
using Sluice.Dogpiling;

namespace Sluice;

/// <summary>Turns values of one type into bytes and back.</summary>
/// <remarks>Called by several threads at once.</remarks>
/// <typeparam name="T">The type.</typeparam>
public interface IDogpileSerializer<T>
{
    /// <summary>Writes a value.</summary>
    /// <param name="value">The value.</param>
    /// <param name="destination">Where to.</param>
    void Serialize(T value, IBufferWriter<byte> destination);

    /// <summary>Reads a value. An exception says that the bytes are none of this version's: the value is created anew.</summary>
    /// <param name="source">What was written.</param>
    T Deserialize(ReadOnlySpan<byte> source);
}

/// <summary>The serializers of a cache, by type. Thread-safe.</summary>
public sealed class DogpileSerializers
{
    private readonly ConcurrentDictionary<Type, object> _byType = new();

    /// <summary>Knows strings, byte arrays, <see cref="int"/>, <see cref="long"/>, <see cref="double"/>, <see cref="bool"/> and <see cref="Guid"/>.</summary>
    public DogpileSerializers()
    {
        Add(new Raw());
        Add(new Text<string>(static value => value, static text => text));
        Add(new Text<int>(static value => value.ToString(CultureInfo.InvariantCulture), static text => int.Parse(text, CultureInfo.InvariantCulture)));
        Add(new Text<long>(static value => value.ToString(CultureInfo.InvariantCulture), static text => long.Parse(text, CultureInfo.InvariantCulture)));
        Add(new Text<double>(static value => value.ToString("R", CultureInfo.InvariantCulture), static text => double.Parse(text, CultureInfo.InvariantCulture)));
        Add(new Text<bool>(static value => value ? "1" : "0", static text => text == "1"));
        Add(new Text<Guid>(static value => value.ToString("N"), static text => Guid.ParseExact(text, "N")));
    }

    /// <summary>Sets the serializer of a type.</summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <param name="serializer">Its serializer.</param>
    /// <returns>This.</returns>
    public DogpileSerializers Add<T>(IDogpileSerializer<T> serializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        _byType[typeof(T)] = serializer;
        return this;
    }

    /// <summary>Sets the serializer of a type, one that was written for a <see cref="HybridCache"/>.</summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <param name="serializer">Its serializer.</param>
    /// <returns>This.</returns>
    public DogpileSerializers Add<T>(IHybridCacheSerializer<T> serializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        return Add(new HybridSerializer<T>(serializer));
    }

    /// <summary>Stores a type as JSON.</summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <param name="type">From a source-generated context, e.g. <c>MyContext.Default.Report</c>: no reflection.</param>
    /// <returns>This.</returns>
    public DogpileSerializers AddJson<T>(JsonTypeInfo<T> type)
    {
        ArgumentNullException.ThrowIfNull(type);
        return Add(new Json<T>(type));
    }

    internal IDogpileSerializer<T> Of<T>() => _byType.TryGetValue(typeof(T), out object? serializer)
        ? (IDogpileSerializer<T>)serializer
        : throw new InvalidOperationException($"The cache has a store but no serializer of {typeof(T)}: add one to DogpileCacheOptions.Serializers, e.g. with AddJson.");

    private sealed class Raw : IDogpileSerializer<byte[]>
    {
        public void Serialize(byte[] value, IBufferWriter<byte> destination) => destination.Write(value);

        public byte[] Deserialize(ReadOnlySpan<byte> source) => source.ToArray();
    }

    private sealed class Text<T>(Func<T, string> write, Func<string, T> read) : IDogpileSerializer<T>
    {
        public void Serialize(T value, IBufferWriter<byte> destination) => Encoding.UTF8.GetBytes(write(value), destination);

        public T Deserialize(ReadOnlySpan<byte> source) => read(Encoding.UTF8.GetString(source));
    }

    private sealed class Json<T>(JsonTypeInfo<T> type) : IDogpileSerializer<T>
    {
        public void Serialize(T value, IBufferWriter<byte> destination)
        {
            using Utf8JsonWriter writer = new(destination);
            JsonSerializer.Serialize(writer, value, type);
        }

        public T Deserialize(ReadOnlySpan<byte> source) => JsonSerializer.Deserialize(source, type)!;
    }
}
