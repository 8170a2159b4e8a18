using System.Buffers;
using Microsoft.Extensions.Caching.Hybrid;

namespace Sluice.Dogpiling;

/// <summary>A serializer that was written for <see cref="HybridCache"/>.</summary>
internal sealed class HybridSerializer<T>(IHybridCacheSerializer<T> inner) : IDogpileSerializer<T>
{
    public void Serialize(T value, IBufferWriter<byte> destination) => inner.Serialize(value, destination);

    public T Deserialize(ReadOnlySpan<byte> source) => inner.Deserialize(new ReadOnlySequence<byte>(source.ToArray()));
}
