using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Sluice.Aggregates;

namespace Sluice.Hosting;

/// <summary>An engine of a host, while the host is being put together. Not thread-safe.</summary>
public sealed class SluiceBuilder
{
    internal SluiceBuilder(IServiceCollection services, string name) => (Services, Name) = (services, name);

    /// <summary>What the host is made of.</summary>
    public IServiceCollection Services { get; }

    /// <summary>The engine's name: the key of its services and of its options. Empty for the host's only engine.</summary>
    public string Name { get; }

    /// <summary>Sets options in code, after what the configuration says.</summary>
    /// <param name="configure">Sets them.</param>
    public SluiceBuilder Configure(Action<EngineOptions> configure)
    {
        Services.Configure(Name, configure);
        return this;
    }

    /// <summary>Sets options in code, with services at hand, after what the configuration says.</summary>
    /// <param name="configure">Sets them.</param>
    public SluiceBuilder Configure(Action<EngineOptions, IServiceProvider> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        string name = Name;
        Services.AddSingleton<IConfigureOptions<EngineOptions>>(services => new ConfigureNamedOptions<EngineOptions>(name, options => configure(options, services)));
        return this;
    }

    /// <summary>
    /// Registers an aggregate, which begins with the engine. Others ask for it as <see cref="IAggregator{TKey, TValue, TEvent}"/>, also in constructors of hosted services, or, once the engine has started, as
    /// <see cref="Aggregator{TKey, TValue, TEvent}"/>, which has the forms for spans and batches and no indirection.
    /// </summary>
    /// <typeparam name="TKey">The key.</typeparam>
    /// <typeparam name="TValue">The aggregate.</typeparam>
    /// <typeparam name="TEvent">One event's contribution.</typeparam>
    /// <param name="definition">The generated definition.</param>
    /// <param name="configure">Sets the completion handler and what differs from the engine's options. Called once, when the engine starts. Null: this engine only produces.</param>
    public SluiceBuilder AddAggregate<TKey, TValue, TEvent>(AggregateDefinition<TKey, TValue, TEvent> definition, Action<AggregateOptions<TValue>, IServiceProvider>? configure = null)
        where TKey : notnull
        where TValue : class
        where TEvent : struct
    {
        ArgumentNullException.ThrowIfNull(definition);
        Services.AddKeyedSingleton(Name, (services, key) => new HostedAggregate<TKey, TValue, TEvent>(services, services.GetRequiredKeyedService<HostedEngine>(key), definition, configure));
        Services.AddKeyedSingleton<IHostedAggregate>(Name, static (services, key) => services.GetRequiredKeyedService<HostedAggregate<TKey, TValue, TEvent>>(key));
        Services.AddKeyedSingleton<IAggregator<TKey, TValue, TEvent>>(Name, static (services, key) => services.GetRequiredKeyedService<HostedAggregate<TKey, TValue, TEvent>>(key));
        Services.AddKeyedTransient(Name, static (services, key) => services.GetRequiredKeyedService<HostedAggregate<TKey, TValue, TEvent>>(key).Inner);
        if (Name.Length == 0)
        {
            Services.TryAddSingleton(static services => services.GetRequiredKeyedService<IAggregator<TKey, TValue, TEvent>>(""));
            Services.TryAddTransient(static services => services.GetRequiredKeyedService<Aggregator<TKey, TValue, TEvent>>(""));
        }

        return this;
    }

    /// <summary>Registers an aggregate whose options need no services.</summary>
    /// <typeparam name="TKey">The key.</typeparam>
    /// <typeparam name="TValue">The aggregate.</typeparam>
    /// <typeparam name="TEvent">One event's contribution.</typeparam>
    /// <param name="definition">The generated definition.</param>
    /// <param name="configure">Sets the completion handler and what differs from the engine's options.</param>
    public SluiceBuilder AddAggregate<TKey, TValue, TEvent>(AggregateDefinition<TKey, TValue, TEvent> definition, Action<AggregateOptions<TValue>> configure)
        where TKey : notnull
        where TValue : class
        where TEvent : struct
    {
        ArgumentNullException.ThrowIfNull(configure);
        return AddAggregate(definition, (options, _) => configure(options));
    }

    /// <summary>
    /// Adds the engine's three health checks: <c>sluice-ready</c> (tag <c>ready</c>), <c>sluice-live</c> (tag <c>live</c>) and <c>sluice-pending</c> (tag <c>ready</c>); those of a named engine end in <c>:</c> and
    /// its name. <c>docs/hosting.md</c> says what each looks at.
    /// </summary>
    /// <param name="configure">Sets limits; null: the defaults.</param>
    public SluiceBuilder AddHealthChecks(Action<EngineHealthOptions>? configure = null)
    {
        EngineHealthOptions options = new();
        configure?.Invoke(options);
        options.Validate();
        IHealthChecksBuilder checks = Services.AddHealthChecks();
        string suffix = Name.Length == 0 ? "" : ":" + Name;
        foreach ((string check, string tag) in (ReadOnlySpan<(string, string)>)[("sluice-ready", "ready"), ("sluice-live", "live"), ("sluice-pending", "ready")])
        {
            string kind = check, name = Name;
            checks.Add(new Microsoft.Extensions.Diagnostics.HealthChecks.HealthCheckRegistration(
                check + suffix, services => new EngineHealthCheck(services.GetRequiredKeyedService<HostedEngine>(name), kind, options), failureStatus: null, [tag]));
        }

        return this;
    }
}
